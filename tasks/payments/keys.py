"""The idempotency keys of the calls to gateways, derived from the order and its copy.

A restored backup and the original may both act for the same shop. Then both send the same key, and
the gateway charges once. A random key, or a key of row ids alone, would be different when the night
is run again on the backup.

A key identifies the source order and its copy: by the subscription, its period and the attempt; by
the references of the batch and the row; by the caller's own key or reference; otherwise by the
factory. It includes the shop, so another shop with the same gateway account has other keys.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    select,
)

from order_factory.models.database.dialects import digest, epoch
from order_factory.models.tables import OrderFactory, OrderFactoryBatch, ShopIdentity, Transaction
from order_factory.models.tables.transactions import TransactionType
from order_factory.tasks.working_set.statements import table_of

PREFIX = "order-factory-"
_DIGITS = 40

factory, batch = table_of(OrderFactory), table_of(OrderFactoryBatch)
_transaction = table_of(Transaction)
_shop = select(table_of(ShopIdentity).c.shop_id).scalar_subquery()


def authorization_key(attempt: int | ColumnElement[int] = 1) -> ColumnElement[str]:
    """Return the key of an authorization of a target order, for rows of `factory` and `batch`.

    `attempt` counts the authorizations of the same target order, from 1.
    """
    nth = cast(literal(attempt) if isinstance(attempt, int) else attempt, String)
    return _key(_shop, "authorize", cast(factory.c.source_order_id, String), _copy(), nth)


def order_authorization_key(order: Table) -> ColumnElement[str]:
    """Return the key of the next authorization of an order, joined with `factory` and `batch`.

    A copy that is placed later has the same key as one that is placed at once.
    """
    earlier = select(func.count()).select_from(_transaction)
    earlier = earlier.where(
        _transaction.c.order_id == order.c.id,
        _transaction.c.type == TransactionType.AUTHORIZATIONS,
    )
    nth = earlier.correlate(order).scalar_subquery() + 1
    seconds = cast(cast(epoch(order.c.created_at), BigInteger), String)
    own = _key(_shop, "authorize order", cast(order.c.id, String), seconds, cast(nth, String))
    return case((factory.c.id.is_(None), own), else_=authorization_key(nth))


def capture_key(
    authorization_id: ColumnElement[int], authorization_key: ColumnElement[str]
) -> ColumnElement[str]:
    """Return the key of the next capture of this authorization."""
    return _follow_up_key(
        "capture", _transaction.c.authorization_id == authorization_id, authorization_key
    )


def refund_key(
    capture_id: ColumnElement[int],
    capture_key: ColumnElement[str],
    amount_cents: ColumnElement[int],
    name: ColumnElement[str | None],
) -> ColumnElement[str]:
    """Return the key of a refund of this capture: by the request's name, or of the next refund.

    Without a name, another amount has another key.
    """
    which = _transaction.c.capture_id == capture_id
    following = _follow_up_key("refund", which, capture_key, cast(amount_cents, String))
    by_name = _key(_shop, "refund", capture_key, "name", func.coalesce(name, ""))
    return case((name.is_(None), following), else_=by_name)


def void_key(
    authorization_id: ColumnElement[int],
    authorization_key: ColumnElement[str],
    *which: ColumnElement[bool],
) -> ColumnElement[str]:
    """Return the key of the next void of this authorization.

    `which` selects the earlier voids that count.
    """
    earlier_condition = and_(_transaction.c.authorization_id == authorization_id, *which)
    return _follow_up_key("void", earlier_condition, authorization_key)


def _follow_up_key(
    kind: str,
    earlier_condition: ColumnElement[bool],
    key: ColumnElement[str],
    *more: ColumnElement[str],
) -> ColumnElement[str]:
    """Return the key of the next follow-up of the transaction with this key."""
    earlier = select(func.count()).select_from(_transaction).where(earlier_condition)
    return _key(_shop, kind, key, cast(earlier.scalar_subquery(), String), *more)


def _copy() -> ColumnElement[str]:
    """Return the part of the key that identifies a copy, independent of row ids where possible."""
    earlier = factory.alias("earlier")
    reference = func.coalesce(factory.c.reference, "")
    nth = select(func.count()).where(
        earlier.c.source_order_id == factory.c.source_order_id,
        earlier.c.batch_id == factory.c.batch_id,
        func.coalesce(earlier.c.reference, "") == reference,
        earlier.c.id < factory.c.id,
    )
    seconds = cast(cast(epoch(factory.c.period_at), BigInteger), String)
    of_period = _joined(
        "period",
        cast(factory.c.order_subscription_id, String),
        seconds,
        cast(factory.c.attempt, String),
    )
    of_batch = _joined("batch", batch.c.reference, cast(nth.scalar_subquery(), String), reference)
    return case(
        (factory.c.period_at.is_not(None), of_period),
        (factory.c.batch_id.is_not(None), of_batch),
        (factory.c.idempotency_key.is_not(None), _joined("name", factory.c.idempotency_key)),
        else_=_joined("factory", cast(factory.c.id, String)),
    )


def _key(*parts: ColumnElement[str] | str) -> ColumnElement[str]:
    return literal(PREFIX) + func.substr(digest(_joined(*parts)), 1, _DIGITS)


def _joined(*parts: Any) -> ColumnElement[str]:
    """Join the parts with a character that none of them contains (unit separator)."""
    first, *others = (literal(part) if isinstance(part, str) else part for part in parts)
    for part in others:
        first = first + literal("\x1f") + part
    return first
