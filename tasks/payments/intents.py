"""What gateways are to be asked: one `unknown` transaction each, committed before the call."""

from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, literal, select

from order_factory.models.tables import Order, Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.tasks.payments.keys import authorization_key, batch, factory, void_key
from order_factory.tasks.working_set.statements import NOW, insert_counted, table_of, times
from order_factory.tasks.working_set.tables import cancellations, copies, placements

_order, _transaction = table_of(Order), table_of(Transaction)


def insert_authorizations() -> Insert:
    """One authorization of the order's total for each placement that a gateway is asked about."""
    values = {
        **_asked(TransactionType.AUTHORIZATIONS),
        "idempotency_key": authorization_key(),
        "order_id": _order.c.id,
        "order_factory_id": copies.c.factory_id,
        "mode": _order.c.mode,
        "gateway": placements.c.gateway,
        "amount_cents": _order.c.total_amount_with_taxes_cents,
        "currency_code": _order.c.currency_code,
    }
    rows = (
        placements.join(copies, copies.c.factory_id == placements.c.factory_id)
        .join(_order, _order.c.id == copies.c.target_order_id)
        .join(factory, factory.c.id == copies.c.factory_id)
        .outerjoin(batch, batch.c.id == factory.c.batch_id)
    )
    chosen = select(*values.values()).select_from(rows).where(placements.c.remote)
    return insert_counted(_transaction, list(values), chosen)


def insert_voids(remote: list[str]) -> Insert:
    """One void for each cancelled order whose payment a gateway still holds."""
    held = held_authorizations(remote).subquery("held")
    values = {
        **_asked(TransactionType.VOIDS),
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


def held_authorizations(remote: list[str]) -> Select[Any]:
    """The authorizations that a gateway holds: neither captured nor voided."""
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


def _asked(kind: TransactionType) -> dict[str, ColumnElement[Any]]:
    return {
        "type": literal(kind.value),
        "status": literal(TransactionStatus.UNKNOWN.value),
        "calls": literal(0),
        **times(NOW),
    }
