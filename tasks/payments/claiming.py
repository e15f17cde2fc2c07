"""Claim the transactions that gateways have to answer.

One process at a time claims a transaction. The claim ends with the process.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    String,
    and_,
    cast,
    exists,
    false,
    func,
    null,
    or_,
    select,
    update,
)

from order_factory.gateways.protocol import GatewayRequest
from order_factory.models.database.process_locks import find_released_locks
from order_factory.models.database.row_locks import skip_locked
from order_factory.models.tables import (
    Order,
    OrderFactory,
    OrderSubscription,
    PaymentSource,
    Transaction,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import SubscriptionStatus
from order_factory.tasks.working_set.statements import table_of

_transaction, _source = table_of(Transaction), table_of(PaymentSource)
_factory, _order = table_of(OrderFactory), table_of(Order)
_subscription = table_of(OrderSubscription)
_authorization = _transaction.alias("authorization")
_capture = _transaction.alias("capture")
_CALLS: dict[TransactionType, Literal["authorize", "capture", "void", "refund"]] = {
    TransactionType.AUTHORIZATIONS: "authorize",
    TransactionType.CAPTURES: "capture",
    TransactionType.VOIDS: "void",
    TransactionType.REFUNDS: "refund",
}
_is_unknown = _transaction.c.status == TransactionStatus.UNKNOWN


@dataclass(frozen=True)
class Scope:
    """Which transactions: those of a batch, of a factory, or all without a batch.

    With `orders`, only those of orders without a factory, such as a capture; they have no batch.
    """

    batch_id: int | None = None
    factory_id: int | None = None
    orders: bool = False

    @property
    def condition(self) -> ColumnElement[bool]:
        if self.factory_id is not None:
            return _transaction.c.order_factory_id == self.factory_id
        of_orders = _transaction.c.order_factory_id.is_(None)
        if self.orders:
            return of_orders
        # For each open transaction: a batch may have a million factories.
        mine = _factory.alias("mine")
        of_factories = exists().where(
            mine.c.id == _transaction.c.order_factory_id,
            mine.c.batch_id.is_not_distinct_from(self.batch_id),
        )
        return of_factories if self.batch_id is not None else or_(of_orders, of_factories)


@dataclass(frozen=True)
class EarlierPayment:
    """An authorization that waits for the customer: the request to the gateway, and its token."""

    gateway: str
    request: GatewayRequest = field(repr=False)
    token: str | None = field(repr=False)


@dataclass(frozen=True)
class Due:
    """A transaction that a gateway has to answer.

    `perhaps_done`: the gateway may have been called before. `claimed_at` (UTC) is the time of this
    claim. `unwanted`: its subscription was cancelled or deactivated, so the gateway is only asked
    whether it exists. `earlier` are authorizations of the order that the customer may have
    confirmed; for a void, the authorization to cancel, if it waits for the customer.
    """

    transaction_id: int
    type: TransactionType
    gateway: str
    request: GatewayRequest = field(repr=False)
    perhaps_done: bool
    claimed_at: datetime
    unwanted: bool = False
    earlier: tuple[EarlierPayment, ...] = ()


def count_due(db: Connection, scope: Scope) -> int:
    """Return how many transactions of the scope have no answer yet."""
    rows = select(func.count()).select_from(_transaction)
    return db.scalar(rows.where(_is_unknown, scope.condition)) or 0


def has_free_payment(db: Connection, scope: Scope) -> bool:
    """Return whether one of them is not claimed, or claimed by a process that has ended."""
    is_in_scope = and_(_is_unknown, scope.condition)
    holders = list(db.scalars(select(_transaction.c.claimed_by).where(is_in_scope).distinct()))
    claimed = [number for number in holders if number is not None]
    return len(claimed) < len(holders) or bool(find_released_locks(db, claimed))


def claim_due(db: Connection, scope: Scope, limit: int, me: int, without: list[str]) -> list[Due]:
    """Claim up to `limit` of them that no running process has claimed.

    Transactions without a call come first, the oldest and the newest alternately, then those with
    the fewest calls. So cards that a gateway never answers about do not delay the others. `me` is
    this process's number (see `order_factory.models.database.process_locks`). Gateways in `without`
    are left out.
    """
    is_open = and_(_is_unknown, scope.condition, _transaction.c.gateway.not_in(without))
    holder_numbers = select(_transaction.c.claimed_by).distinct()
    holders = db.scalars(
        holder_numbers.where(is_open, _transaction.c.claimed_by.is_not(None))
    ).all()
    ended_holders = find_released_locks(db, [number for number in holders if number is not None])
    is_free = or_(_transaction.c.claimed_by.is_(None), _transaction.c.claimed_by.in_(ended_holders))
    calls, key = _transaction.c.calls, _transaction.c.id

    def take(count: int, which: ColumnElement[bool], *order: ColumnElement[Any]) -> list[Row[Any]]:
        rows = (
            select(key, _transaction.c.updated_at).where(is_open, is_free, which).order_by(*order)
        )
        return list(db.execute(skip_locked(db, rows.limit(count), _transaction))) if count else []

    # Two statements, because each reads the partial index of unknown transactions from one end.
    oldest = take(limit - limit // 2, calls == 0, key)
    newer = and_(calls == 0, key > oldest[-1].id) if oldest else false()
    newest = take(limit // 2, newer, key.desc())
    by_age = oldest + newest[::-1]
    alternating = [row for pair in zip(by_age, by_age[::-1], strict=True) for row in pair]
    claimed_rows = alternating[: len(by_age)]
    claimed_rows += take(limit - len(claimed_rows), calls > 0, calls, key)
    if not claimed_rows:
        return []
    keys = [row.id for row in claimed_rows]
    db.execute(
        update(_transaction)
        .where(_transaction.c.id.in_(keys))
        .values(claimed_by=me, calls=_transaction.c.calls + 1, updated_at=utc_now())
    )
    rows_by_key = {row.id: row for row in db.execute(_select_due(keys))}
    earlier = _read_earlier(db, keys)
    return [
        _due(row.updated_at, earlier.get(row.id, []), *tuple(rows_by_key[row.id]))
        for row in claimed_rows
    ]


def release_uncalled(db: Connection, keys: list[int], me: int) -> None:
    """Release the transactions that this process claimed without calling the gateway."""
    _release(db, me, _transaction.c.id.in_(keys))


def release_claims(db: Connection, me: int, known: Collection[int]) -> None:
    """Release the claims that this process does not know about: all but those in `known`."""
    _release(db, me, _transaction.c.id.not_in(list(known)))


def _release(db: Connection, me: int, which: ColumnElement[bool]) -> None:
    is_in_scope = update(_transaction).where(_is_unknown, _transaction.c.claimed_by == me, which)
    db.execute(
        is_in_scope.values(claimed_by=null(), calls=_transaction.c.calls - 1, updated_at=utc_now())
    )


def _select_due(keys: list[int]) -> Select[Any]:
    return (
        select(
            _transaction.c.id,
            _transaction.c.type,
            _transaction.c.gateway,
            _transaction.c.calls,
            _transaction.c.idempotency_key,
            _transaction.c.amount_cents,
            cast(_transaction.c.currency_code, String),
            _transaction.c.order_id,
            _source.c.customer_token,
            _source.c.payment_source_token,
            _authorization.c.token,
            _capture.c.token.label("capture_token"),
            and_(_transaction.c.type == TransactionType.AUTHORIZATIONS, is_unwanted()),
        )
        .select_from(_transaction)
        .join(_order, _order.c.id == _transaction.c.order_id)
        .outerjoin(_source, _source.c.id == _order.c.payment_source_id)
        .outerjoin(_authorization, _authorization.c.id == _transaction.c.authorization_id)
        .outerjoin(_capture, _capture.c.id == _transaction.c.capture_id)
        .where(_transaction.c.id.in_(keys))
    )


def _read_earlier(db: Connection, keys: list[int]) -> dict[int, list[EarlierPayment]]:
    """Return the payments that still wait for the customer, by later transaction.

    For an authorization, those of the same order; for a void, the payment that it cancels.
    """
    earlier = _transaction.alias("earlier")
    is_replaced = and_(
        _transaction.c.type == TransactionType.AUTHORIZATIONS,
        earlier.c.id < _transaction.c.id,
    )
    is_cancelled = and_(
        _transaction.c.type == TransactionType.VOIDS,
        earlier.c.id == _transaction.c.authorization_id,
    )
    rows = (
        select(_transaction.c.id.label("later_id"), earlier)
        .join(earlier, earlier.c.order_id == _transaction.c.order_id)
        .where(
            _transaction.c.id.in_(keys),
            or_(is_replaced, is_cancelled),
            is_confirmable(earlier),
        )
        .order_by(earlier.c.id)
    )
    rows_by_key: dict[int, list[EarlierPayment]] = {}
    for row in db.execute(rows):
        order = public_id(Resource.orders, row.order_id)
        request = GatewayRequest(row.idempotency_key, row.amount_cents, row.currency_code, order)
        rows_by_key.setdefault(row.later_id, []).append(
            EarlierPayment(row.gateway, request, row.token)
        )
    return rows_by_key


def is_confirmable(transaction: FromClause) -> ColumnElement[bool]:
    """Return whether the customer may still confirm this authorization at the gateway."""
    return and_(
        transaction.c.type == TransactionType.AUTHORIZATIONS,
        transaction.c.status == TransactionStatus.FAILED,
        transaction.c.customer_action.is_not(None),
    )


def is_unwanted() -> ColumnElement[bool]:
    """Return whether the transaction is for a copy of a subscription that has ended."""
    ended = exists().where(
        _factory.c.id == _transaction.c.order_factory_id,
        _subscription.c.id == _factory.c.order_subscription_id,
        _subscription.c.status.in_([SubscriptionStatus.INACTIVE, SubscriptionStatus.CANCELLED]),
    )
    return ended.correlate_except(_factory, _subscription)


def _due(
    claimed_at: datetime,
    earlier: list[EarlierPayment],
    key: int,
    kind: str,
    gateway: str,
    calls: int,
    idempotency_key: str,
    amount_cents: int,
    currency_code: str,
    order_id: int,
    customer_token: str | None,
    payment_source_token: str | None,
    authorization_token: str | None,
    capture_token: str | None,
    unwanted: bool,
) -> Due:
    request = GatewayRequest(
        idempotency_key,
        amount_cents,
        currency_code,
        public_id(Resource.orders, order_id),
        customer_token,
        payment_source_token,
        authorization_token,
        capture_token,
        _CALLS[TransactionType(kind)],
    )
    return Due(
        key,
        TransactionType(kind),
        gateway,
        request,
        calls > 1,
        claimed_at,
        unwanted,
        tuple(earlier),
    )
