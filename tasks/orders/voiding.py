"""Record voids of payments without cancelling their orders. The gateway is called later."""

from datetime import datetime

from sqlalchemy import Connection, exists, insert, literal, not_, null, select

from order_factory.gateways.registry import known_gateways
from order_factory.models.tables import Order, Transaction
from order_factory.models.tables.transactions import TransactionStatus
from order_factory.models.values.statuses import PaymentStatus
from order_factory.tasks.payments.intents import insert_voids, select_held_authorizations
from order_factory.tasks.working_set.requested_orders import accepted_orders, drop_orders, refuse
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import cancellations, open_temporary_tables

_order, _transaction = table_of(Order), table_of(Transaction)


def void(db: Connection, now: datetime) -> None:
    """Record a void of the payment that a gateway holds for each requested order.

    The orders keep their status.
    """
    drop_orders(db, _order.c.payment_status == PaymentStatus.VOIDED)
    remote = [name for name, known in known_gateways().items() if known.terms.remote]
    undecided = exists().where(
        _transaction.c.order_id == _order.c.id, _transaction.c.status == TransactionStatus.UNKNOWN
    )
    refuse(db, "payment_status", "cannot be voided: the payment is not decided yet", undecided)
    held = select_held_authorizations(remote).subquery("held")
    is_held = exists().where(held.c.order_id == _order.c.id)
    message = literal("cannot be voided: no gateway holds its payment here; it is ")
    refuse(db, "payment_status", message + _order.c.payment_status, not_(is_held))
    open_temporary_tables(db)
    rows = select(_order.c.id, null()).where(_order.c.id.in_(accepted_orders()))
    db.execute(insert(cancellations).from_select(["order_id", "factory_id"], rows))
    execute_and_count(db, insert_voids(remote), now=now)
