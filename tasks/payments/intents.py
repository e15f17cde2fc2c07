"""The intents: one `unknown` transaction for each call to a gateway, committed before the call."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Insert,
    Select,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    select,
)

from order_factory.gateways.registry import DEFAULT
from order_factory.models.tables import Order, Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.statuses import PaymentStatus
from order_factory.tasks.payments.keys import (
    authorization_key,
    batch,
    capture_key,
    factory,
    order_authorization_key,
    refund_key,
    void_key,
)
from order_factory.tasks.working_set.requested_orders import (
    IS_REQUESTED,
    is_refused,
    requested_orders,
)
from order_factory.tasks.working_set.statements import NOW, insert_counted, table_of, times
from order_factory.tasks.working_set.tables import cancellations, copies, placements

_order, _transaction = table_of(Order), table_of(Transaction)
# The columns that an authorization takes from its order.
_ORDER_TOTAL = {
    "order_id": _order.c.id,
    "mode": _order.c.mode,
    "amount_cents": _order.c.total_amount_with_taxes_cents,
    "currency_code": _order.c.currency_code,
}


def insert_authorizations() -> Insert:
    """Insert an authorization of the order's total for each placement with a remote gateway."""
    values = {
        **_intent_columns(TransactionType.AUTHORIZATIONS),
        **_ORDER_TOTAL,
        "idempotency_key": authorization_key(),
        "order_factory_id": copies.c.factory_id,
        "gateway": placements.c.gateway,
    }
    rows = (
        placements.join(copies, copies.c.factory_id == placements.c.factory_id)
        .join(_order, _order.c.id == copies.c.target_order_id)
        .join(factory, factory.c.id == copies.c.factory_id)
        .outerjoin(batch, batch.c.id == factory.c.batch_id)
    )
    return insert_counted(_transaction, list(values), _select_remote(values, rows))


def _select_remote(values: Mapping[str, ColumnElement[Any]], rows: FromClause) -> Select[Any]:
    """Select the placements with a remote gateway. The oldest orders are to be charged first."""
    remote = select(*values.values()).select_from(rows).where(placements.c.remote)
    return remote.order_by(placements.c.factory_id)


def insert_authorizations_of_orders() -> Insert:
    """Insert an authorization for each placement of an existing order, without a factory."""
    values = {
        **_intent_columns(TransactionType.AUTHORIZATIONS),
        **_ORDER_TOTAL,
        "idempotency_key": order_authorization_key(_order),
        "gateway": placements.c.gateway,
    }
    rows = (
        placements.join(copies, copies.c.factory_id == placements.c.factory_id)
        .join(_order, _order.c.id == copies.c.target_order_id)
        .outerjoin(factory, factory.c.id == _order.c.order_factory_id)
        .outerjoin(batch, batch.c.id == factory.c.batch_id)
    )
    return insert_counted(_transaction, list(values), _select_remote(values, rows))


def insert_voids(remote: list[str]) -> Insert:
    """Insert a void for each cancelled order whose payment a gateway still holds."""
    held = select_held_authorizations(remote).subquery("held")
    values = {
        **_intent_columns(TransactionType.VOIDS),
        "idempotency_key": void_key(held.c.id, held.c.idempotency_key),
        "order_id": held.c.order_id,
        "order_factory_id": cancellations.c.factory_id,
        "authorization_id": held.c.id,
        "mode": held.c.mode,
        "gateway": held.c.gateway,
        "amount_cents": held.c.amount_cents,
        "currency_code": held.c.currency_code,
    }
    rows = cancellations.join(held, held.c.order_id == cancellations.c.order_id)
    return insert_counted(_transaction, list(values), select(*values.values()).select_from(rows))


def insert_manual_authorizations() -> Insert:
    """Insert a succeeded authorization for each requested order that is paid by hand."""
    values = {
        **_intent_columns(TransactionType.AUTHORIZATIONS, TransactionStatus.SUCCEEDED),
        **_ORDER_TOTAL,
        "idempotency_key": order_authorization_key(_order),
        "gateway": literal(DEFAULT),
    }
    rows = (
        _order.join(requested_orders, IS_REQUESTED)
        .outerjoin(factory, factory.c.id == _order.c.order_factory_id)
        .outerjoin(batch, batch.c.id == factory.c.batch_id)
    )
    selected = select(*values.values()).select_from(rows)
    unpaid = _order.c.payment_status == PaymentStatus.UNPAID
    return insert_counted(_transaction, list(values), selected.where(unpaid, not_(is_refused())))


def insert_captures(gateways: list[str], status: TransactionStatus) -> Insert:
    """Insert a capture for each requested order whose payment one of these gateways holds.

    The amount is the requested one, or the order's total of now, and at most the authorized amount.
    """
    held = select_held_authorizations(gateways).subquery("held")
    total = _order.c.total_amount_with_taxes_cents
    values = {
        **_intent_columns(TransactionType.CAPTURES, status),
        "idempotency_key": capture_key(held.c.id, held.c.idempotency_key),
        "order_id": _order.c.id,
        "authorization_id": held.c.id,
        "mode": held.c.mode,
        "gateway": held.c.gateway,
        "amount_cents": func.coalesce(
            requested_orders.c.amount_cents,
            case((total < held.c.amount_cents, total), else_=held.c.amount_cents),
        ),
        "currency_code": held.c.currency_code,
    }
    rows = _order.join(requested_orders, IS_REQUESTED).join(held, held.c.order_id == _order.c.id)
    selected = select(*values.values()).select_from(rows).where(not_(is_refused()))
    return insert_counted(_transaction, list(values), selected)


def insert_refunds(remote: list[str]) -> Insert:
    """Insert a refund of the amount, or of the remaining amount, for each requested order.

    A refund without a remote gateway has succeeded, because a person gives the money back.
    """
    refundable = select_refundable_captures().subquery("refundable")
    amount = func.coalesce(requested_orders.c.amount_cents, refundable.c.left_cents)
    status = case(
        (refundable.c.gateway.in_(remote), TransactionStatus.UNKNOWN.value),
        else_=TransactionStatus.SUCCEEDED.value,
    )
    values = {
        **_intent_columns(TransactionType.REFUNDS),
        "status": status,
        "idempotency_key": refund_key(
            refundable.c.id, refundable.c.idempotency_key, amount, requested_orders.c.name
        ),
        "order_id": _order.c.id,
        "capture_id": refundable.c.id,
        "mode": refundable.c.mode,
        "gateway": refundable.c.gateway,
        "amount_cents": amount,
        "currency_code": refundable.c.currency_code,
    }
    rows = _order.join(requested_orders, IS_REQUESTED)
    rows = rows.join(refundable, refundable.c.order_id == _order.c.id)
    selected = select(*values.values()).select_from(rows).where(not_(is_refused()))
    return insert_counted(_transaction, list(values), selected)


def has_named_refund() -> ColumnElement[bool]:
    """Return whether the order already has a refund with the name of the request."""
    capture, refund = _transaction.alias("capture"), _transaction.alias("refund")
    key = refund_key(
        capture.c.id, capture.c.idempotency_key, refund.c.amount_cents, requested_orders.c.name
    )
    is_repeated = exists().where(
        requested_orders.c.name.is_not(None),
        refund.c.order_id == _order.c.id,
        capture.c.id == refund.c.capture_id,
        refund.c.idempotency_key == key,
    )
    return is_repeated.correlate(_order, requested_orders)


def select_refundable_captures() -> Select[Any]:
    """Select the captures that succeeded, with `left_cents`: the amount that is not refunded yet.

    A refund without an answer counts as refunded, because it may have succeeded.
    """
    refund = _transaction.alias("refund")
    refunded = (
        select(func.coalesce(func.sum(refund.c.amount_cents), 0))
        .where(refund.c.capture_id == _transaction.c.id)
        .where(refund.c.status != TransactionStatus.FAILED)
        .correlate(_transaction)
        .scalar_subquery()
    )
    remaining_cents = cast(_transaction.c.amount_cents - refunded, BigInteger)
    return select(_transaction, remaining_cents.label("left_cents")).where(
        _transaction.c.type == TransactionType.CAPTURES,
        _transaction.c.status == TransactionStatus.SUCCEEDED,
    )


def select_held_authorizations(remote: list[str]) -> Select[Any]:
    """Select the authorizations that a gateway holds: neither captured nor voided."""
    later = _transaction.alias("later")
    used = (
        select(later.c.id)
        .where(
            later.c.authorization_id == _transaction.c.id,
            later.c.status != TransactionStatus.FAILED,
        )
        .correlate(_transaction)
        .exists()
    )
    return select(_transaction).where(
        _transaction.c.type == TransactionType.AUTHORIZATIONS,
        _transaction.c.status == TransactionStatus.SUCCEEDED,
        _transaction.c.gateway.in_(remote),
        ~used,
    )


def _intent_columns(
    kind: TransactionType, status: TransactionStatus = TransactionStatus.UNKNOWN
) -> dict[str, ColumnElement[Any]]:
    return {
        "type": literal(kind.value),
        "status": literal(status.value),
        "calls": literal(0),
        **times(NOW),
    }
