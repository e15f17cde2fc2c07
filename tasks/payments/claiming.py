"""Taking up what gateways are to be asked: by one process at a time, and free when it is gone."""

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
from order_factory.models.database.process_locks import released_locks
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
    """Whose transactions: those of a batch, of a factory, or of all that belong to no batch.

    With `orders`, those that were asked for orders themselves; they belong to no batch either.
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
        mine = select(_factory.c.id).where(_factory.c.batch_id.is_not_distinct_from(self.batch_id))
        of_factories = _transaction.c.order_factory_id.in_(mine)
        return of_factories if self.batch_id is not None else or_(of_orders, of_factories)


@dataclass(frozen=True)
class EarlierPayment:
    """An authorization that waits for the customer: what the gateway was asked, and its token."""

    gateway: str
    request: GatewayRequest = field(repr=False)
    token: str | None = field(repr=False)


@dataclass(frozen=True)
class Due:
    """A transaction to ask a gateway about.

    With `perhaps_done` it may have been asked before, last at `taken_at` (UTC). What is `unwanted`
    belongs to a subscription that was cancelled or deactivated: it is looked up and not asked.
    `earlier` are the authorizations of the order that the customer may have confirmed since. Of a
    void it is the one to cancel, if that waits for the customer.
    """

    transaction_id: int
    type: TransactionType
    gateway: str
    request: GatewayRequest = field(repr=False)
    perhaps_done: bool
    taken_at: datetime
    unwanted: bool = False
    earlier: tuple[EarlierPayment, ...] = ()


def count_due(db: Connection, scope: Scope) -> int:
    """How many transactions of the scope have no answer yet."""
    rows = select(func.count()).select_from(_transaction)
    return db.scalar(rows.where(_is_unknown, scope.condition)) or 0


def has_free_payment(db: Connection, scope: Scope) -> bool:
    """Whether one of them is in nobody's hands, or in those of a process that is gone."""
    mine = and_(_is_unknown, scope.condition)
    holders = list(db.scalars(select(_transaction.c.claimed_by).where(mine).distinct()))
    held = [number for number in holders if number is not None]
    return len(held) < len(holders) or bool(released_locks(db, held))


def claim_due(db: Connection, scope: Scope, limit: int, me: int, without: list[str]) -> list[Due]:
    """Take up to `limit` of them that no process that is there has taken.

    Those that were never asked come first, the oldest and the newest of them in turn, then those
    that were asked least often: a heap of cards that a gateway never answers about keeps nobody
    waiting. `me` is this process's number (see `order_factory.models.database.process_locks`).
    Those of the gateways in `without` are left.
    """
    open_ = and_(_is_unknown, scope.condition, _transaction.c.gateway.not_in(without))
    others = select(_transaction.c.claimed_by).distinct()
    holders = db.scalars(others.where(open_, _transaction.c.claimed_by.is_not(None))).all()
    gone = released_locks(db, [number for number in holders if number is not None])
    free = or_(_transaction.c.claimed_by.is_(None), _transaction.c.claimed_by.in_(gone))
    calls, key = _transaction.c.calls, _transaction.c.id

    def take(count: int, which: ColumnElement[bool], *order: ColumnElement[Any]) -> list[Row[Any]]:
        rows = select(key, _transaction.c.updated_at).where(open_, free, which).order_by(*order)
        return list(db.execute(skip_locked(db, rows.limit(count), _transaction))) if count else []

    # Apart: these two are answered by the partial index of what is unknown, from either end.
    oldest = take(limit - limit // 2, calls == 0, key)
    newer = and_(calls == 0, key > oldest[-1].id) if oldest else false()
    newest = take(limit // 2, newer, key.desc())
    by_age = oldest + newest[::-1]
    in_turn = [row for pair in zip(by_age, by_age[::-1], strict=True) for row in pair]
    taken = in_turn[: len(by_age)]
    taken += take(limit - len(taken), calls > 0, calls, key)
    if not taken:
        return []
    keys = [row.id for row in taken]
    db.execute(
        update(_transaction)
        .where(_transaction.c.id.in_(keys))
        .values(claimed_by=me, calls=_transaction.c.calls + 1, updated_at=utc_now())
    )
    found = {row.id: row for row in db.execute(_select_due(keys))}
    earlier = _read_earlier(db, keys)
    return [_due(row.updated_at, earlier.get(row.id, []), *tuple(found[row.id])) for row in taken]


def release_unasked(db: Connection, keys: list[int], me: int) -> None:
    """Release the transactions that this process claimed and did not call about."""
    _put_back(db, me, _transaction.c.id.in_(keys))


def release_claims(db: Connection, me: int, known: Collection[int]) -> None:
    """Put back what this process took up without learning of it: all but what is `known`."""
    _put_back(db, me, _transaction.c.id.not_in(list(known)))


def _put_back(db: Connection, me: int, which: ColumnElement[bool]) -> None:
    mine = update(_transaction).where(_is_unknown, _transaction.c.claimed_by == me, which)
    db.execute(mine.values(claimed_by=null(), calls=_transaction.c.calls - 1, updated_at=utc_now()))


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
    """The payments that still wait for the customer, by the transaction that comes after them.

    Those of the same order for an authorization, and for a void the one that it cancels.
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
    found: dict[int, list[EarlierPayment]] = {}
    for row in db.execute(rows):
        order = public_id(Resource.orders, row.order_id)
        asked = GatewayRequest(row.idempotency_key, row.amount_cents, row.currency_code, order)
        found.setdefault(row.later_id, []).append(EarlierPayment(row.gateway, asked, row.token))
    return found


def is_confirmable(transaction: FromClause) -> ColumnElement[bool]:
    """Whether the customer may still confirm this authorization at the gateway."""
    return and_(
        transaction.c.type == TransactionType.AUTHORIZATIONS,
        transaction.c.status == TransactionStatus.FAILED,
        transaction.c.customer_action.is_not(None),
    )


def is_unwanted() -> ColumnElement[bool]:
    """Whether the transaction is for a copy of a subscription that has ended."""
    ended = exists().where(
        _factory.c.id == _transaction.c.order_factory_id,
        _subscription.c.id == _factory.c.order_subscription_id,
        _subscription.c.status.in_([SubscriptionStatus.INACTIVE, SubscriptionStatus.CANCELLED]),
    )
    return ended.correlate_except(_factory, _subscription)


def _due(
    taken_at: datetime,
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
        taken_at,
        unwanted,
        tuple(earlier),
    )
