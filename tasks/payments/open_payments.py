"""Payments that a customer may still confirm although nobody wants them any more.

The order was cancelled or paid otherwise, or its subscription has ended. Each such payment is
cancelled at the gateway: a void is recorded with the change, and the gateway is called after the
commit. If the customer has confirmed the payment meanwhile, the void gives it back and says so.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    exists,
    literal,
    not_,
    null,
    select,
    update,
)

from order_factory.gateways.calling import call_gateway
from order_factory.gateways.protocol import Answer, GatewayMisconfigured
from order_factory.gateways.registry import gateway, get_limits, known_gateways, setup_hint
from order_factory.models.tables import Order, Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.payments.claiming import Due, is_confirmable
from order_factory.tasks.payments.keys import void_key
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
    times,
)
from order_factory.tasks.working_set.tables import answers

_transaction, _order = table_of(Transaction), table_of(Order)
# Such an order does not wait for a payment.
SETTLED_STATUSES = (OrderStatus.CANCELLED, OrderStatus.PLACED, OrderStatus.APPROVED)
_CONFIRMED = "The customer had confirmed the payment. It was voided."
_NOTHING = "The gateway has no payment that could be confirmed."


def cancel_open_payments(
    db: Connection, orders: Select[tuple[int]], now: datetime, *, unwanted: bool = False
) -> None:
    """Record a void of each payment that the customer could confirm, for those of these orders
    that are placed or cancelled; with `unwanted`, for all of them.
    """
    void = _transaction.alias("void")
    has_void = exists().where(
        void.c.order_id == _transaction.c.order_id,
        void.c.authorization_id == _transaction.c.id,
        void.c.status != TransactionStatus.FAILED,
    )
    values: dict[str, ColumnElement[Any]] = {
        "type": literal(TransactionType.VOIDS.value),
        "status": literal(TransactionStatus.UNKNOWN.value),
        "calls": literal(0),
        **times(NOW),
        "idempotency_key": void_key(_transaction.c.id, _transaction.c.idempotency_key),
        "authorization_id": _transaction.c.id,
        **{
            name: _transaction.c[name]
            for name in ("order_id", "mode", "gateway", "amount_cents", "currency_code")
        },
    }
    rows = select(*values.values()).join(_order, _order.c.id == _transaction.c.order_id)
    rows = rows.where(_order.c.id.in_(orders), is_confirmable(_transaction), not_(has_void))
    if not unwanted:
        rows = rows.where(_order.c.status.in_(SETTLED_STATUSES))
    execute_and_count(db, insert_counted(_transaction, list(values), rows), now=now)


def cancel_at_gateway(due: Due) -> Answer:
    """Cancel the payment that `due` is about, and return the answer to the void.

    Raises `GatewayError` without an answer.
    """
    (payment,) = due.earlier
    if due.gateway not in known_gateways():
        raise GatewayMisconfigured(due.gateway, f"is not set up: {setup_hint(due.gateway)}")
    its_gateway, limits = gateway(due.gateway), get_limits(due.gateway)
    with limits:
        known = its_gateway.lookup(payment.request)
    confirmed = known is not None and known.succeeded
    token = known.token if known is not None and confirmed else payment.token
    if token is None and known is not None:
        token = known.token
    if token is None:
        return Answer(succeeded=True, message=_NOTHING)
    void = replace(due.request, authorization_token=token)
    answer = call_gateway(
        its_gateway, limits, its_gateway.void, void, perhaps_done=due.perhaps_done
    )
    if confirmed and answer.succeeded:
        return replace(answer, message=_CONFIRMED)
    return answer


def close_cancelled_payments(db: Connection, now: datetime) -> None:
    """Forget how the customer confirms a payment that is cancelled now."""
    void = _transaction.alias("void")
    cancelled = (
        select(void.c.authorization_id)
        .join(answers, answers.c.transaction_id == void.c.id)
        .where(void.c.type == TransactionType.VOIDS, answers.c.succeeded)
    )
    closed = update(_transaction).where(
        _transaction.c.id.in_(cancelled), is_confirmable(_transaction)
    )
    db.execute(closed.values(customer_action=null(), updated_at=NOW), {"now": now})
