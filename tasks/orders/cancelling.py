"""Cancel orders: release their stock, coupons and gift cards, and void their payments."""

from datetime import datetime

from sqlalchemy import Connection, insert, literal, not_, null, select

from order_factory.gateways.registry import known_gateways
from order_factory.models.tables import Order
from order_factory.models.values.order_states import may_become
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.outcomes.cancellation import cancel_orders, explain_not_cancelled
from order_factory.tasks.payments.intents import insert_voids
from order_factory.tasks.working_set.requested_orders import (
    accepted_orders,
    drop_orders,
    refuse,
    refuse_transition,
)
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import cancellations, open_temporary_tables

_order = table_of(Order)


def cancel(db: Connection, now: datetime) -> None:
    """Cancel the requested orders, and release their stock, coupons and promotions at once.

    If a gateway holds a payment, a void is recorded, and the gateway is called after the commit.
    A captured order is cancelled and stays paid until it is refunded.
    """
    drop_orders(db, _order.c.status == OrderStatus.CANCELLED)
    refuse_transition(
        db, OrderStatus.CANCELLED, not_(may_become(_order.c.status, OrderStatus.CANCELLED))
    )
    reason = explain_not_cancelled()
    prefix = literal("the order cannot be cancelled: ")
    refuse(db, "status", prefix + reason, reason.is_not(None))
    open_temporary_tables(db)
    rows = select(_order.c.id, null()).where(_order.c.id.in_(accepted_orders()))
    db.execute(insert(cancellations).from_select(["order_id", "factory_id"], rows))
    remote = [name for name, known in known_gateways().items() if known.terms.remote]
    execute_and_count(db, insert_voids(remote), now=now)
    cancel_orders(db, accepted_orders(), now)
