"""An earlier payment of the order that waits for the customer: it is used or cancelled.

An order never has two payments that the customer or the gateway can complete. The new
authorization is committed before the calls, and stays `unknown` until the earlier payment is
resolved and the gateway has answered. After a crash, both calls are repeated with the same keys.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, null, or_, select, update

from order_factory.gateways.calling import call_gateway
from order_factory.gateways.protocol import CALLED_OFF, Answer, GatewayMisconfigured
from order_factory.gateways.registry import gateway, get_limits, known_gateways, setup_hint
from order_factory.models.tables import Transaction
from order_factory.models.tables.transactions import TransactionType
from order_factory.tasks.payments.claiming import Due, EarlierPayment, is_confirmable
from order_factory.tasks.working_set.statements import NOW, table_of
from order_factory.tasks.working_set.tables import answers

_NOT_CANCELLED = "earlier_payment_open"
_transaction = table_of(Transaction)


def resolve_earlier_payment(due: Due, earlier: EarlierPayment) -> Answer | None:
    """Use the earlier payment if the customer has confirmed it, otherwise cancel it.

    Returns the answer for the new payment. It is a success if the customer has confirmed the same
    amount, and a failure if the earlier payment cannot be cancelled. It is None if the gateway must
    be called.
    Raises `GatewayError` if the gateway does not answer.
    """
    if earlier.gateway not in known_gateways():
        hint = setup_hint(earlier.gateway)
        raise GatewayMisconfigured(earlier.gateway, f"is not set up: {hint}")
    earlier_gateway, limits = gateway(earlier.gateway), get_limits(earlier.gateway)
    with limits:
        answer_before = earlier_gateway.lookup(earlier.request)
    if answer_before is not None and answer_before.succeeded and _is_same_payment(due, earlier):
        return answer_before
    token = earlier.token or (None if answer_before is None else answer_before.token)
    if token is None:
        return None  # the gateway has nothing that can be confirmed
    void = replace(
        earlier.request,
        idempotency_key=f"{earlier.request.idempotency_key}-void",
        authorization_token=token,
        call="void",
    )
    answer = call_gateway(earlier_gateway, limits, earlier_gateway.void, void, perhaps_done=True)
    if answer.succeeded:
        return None
    message = "An earlier payment of the order could not be cancelled at the gateway."
    return Answer(succeeded=False, error_code=_NOT_CANCELLED, message=message)


def close_earlier_payments(db: Connection, now: datetime) -> None:
    """Remove the customer's action from payments that a later one has replaced."""
    later = _transaction.alias("later")
    is_replaced = (
        select(later.c.id)
        .join(answers, answers.c.transaction_id == later.c.id)
        .where(
            later.c.type == TransactionType.AUTHORIZATIONS,
            later.c.order_id == _transaction.c.order_id,
            later.c.id > _transaction.c.id,
            or_(
                answers.c.error_code.is_(None),
                answers.c.error_code.not_in([CALLED_OFF, _NOT_CANCELLED]),
            ),
        )
    )
    orders = (
        select(later.c.order_id)
        .join(answers, answers.c.transaction_id == later.c.id)
        .where(later.c.type == TransactionType.AUTHORIZATIONS)
    )
    statement = update(_transaction).where(
        is_confirmable(_transaction),
        _transaction.c.order_id.in_(orders),
        is_replaced.correlate(_transaction).exists(),
    )
    db.execute(statement.values(customer_action=null(), updated_at=NOW), {"now": now})


def _is_same_payment(due: Due, earlier: EarlierPayment) -> bool:
    request, earlier_request = due.request, earlier.request
    same_amount = (request.amount_cents, request.currency_code) == (
        earlier_request.amount_cents,
        earlier_request.currency_code,
    )
    return same_amount and due.gateway == earlier.gateway
