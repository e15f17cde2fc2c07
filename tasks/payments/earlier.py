"""An earlier payment of the order that waits for the customer: it pays, or it is cancelled.

An order never has two payments that the customer or the gateway can complete. The new
authorization is committed before the calls, and stays `unknown` until the earlier payment is
settled and the gateway has answered. After a crash both are done again, under the same keys.
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


def settle_earlier_payment(due: Due, earlier: EarlierPayment) -> Answer | None:
    """Return the answer to the new payment if the earlier one decides it; else cancel the earlier.

    What the customer has confirmed meanwhile pays, if it is the same amount. If the earlier payment
    cannot be cancelled, the new one fails. Raises `GatewayError` without an answer.
    """
    if earlier.gateway not in known_gateways():
        hint = setup_hint(earlier.gateway)
        raise GatewayMisconfigured(earlier.gateway, f"is not set up: {hint}")
    its_gateway, limits = gateway(earlier.gateway), get_limits(earlier.gateway)
    with limits:
        known = its_gateway.lookup(earlier.request)
    if known is not None and known.succeeded and _is_same_payment(due, earlier):
        return known
    token = earlier.token or (None if known is None else known.token)
    if token is None:
        return None  # the gateway has nothing that can be confirmed
    void = replace(
        earlier.request,
        idempotency_key=f"{earlier.request.idempotency_key}-void",
        authorization_token=token,
        call="void",
    )
    answer = call_gateway(its_gateway, limits, its_gateway.void, void, perhaps_done=True)
    if answer.succeeded:
        return None
    message = "An earlier payment of the order could not be cancelled at the gateway."
    return Answer(succeeded=False, error_code=_NOT_CANCELLED, message=message)


def close_earlier_payments(db: Connection, now: datetime) -> None:
    """Forget how the customer confirms a payment that a later one has replaced."""
    later = _transaction.alias("later")
    replaced = (
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
    closed = update(_transaction).where(
        is_confirmable(_transaction),
        _transaction.c.order_id.in_(orders),
        replaced.correlate(_transaction).exists(),
    )
    db.execute(closed.values(customer_action=null(), updated_at=NOW), {"now": now})


def _is_same_payment(due: Due, earlier: EarlierPayment) -> bool:
    asked, before = due.request, earlier.request
    same_amount = (asked.amount_cents, asked.currency_code) == (
        before.amount_cents,
        before.currency_code,
    )
    return same_amount and due.gateway == earlier.gateway
