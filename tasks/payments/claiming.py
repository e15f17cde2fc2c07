"""Taking up what gateways are to be asked: by one process at a time, and free when it is gone."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    cast,
    func,
    or_,
    select,
    update,
)

from order_factory.gateways.protocol import Asked
from order_factory.models.database.dialects import skip_locked
from order_factory.models.database.process_locks import released_locks
from order_factory.models.tables import Order, OrderFactory, PaymentSource, Transaction
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.working_set.statements import table_of

_transaction, _source = table_of(Transaction), table_of(PaymentSource)
_factory, _order = table_of(OrderFactory), table_of(Order)
_authorization = _transaction.alias("authorization")
_is_unknown = _transaction.c.status == TransactionStatus.UNKNOWN


@dataclass(frozen=True)
class Scope:
    """Whose transactions: those of a batch, of a factory, or of all that belong to no batch."""

    batch_id: int | None = None
    factory_id: int | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        if self.factory_id is not None:
            return _transaction.c.order_factory_id == self.factory_id
        mine = select(_factory.c.id).where(_factory.c.batch_id.is_not_distinct_from(self.batch_id))
        return _transaction.c.order_factory_id.in_(mine)


@dataclass(frozen=True)
class Due:
    """A transaction to ask a gateway about. It may have been asked before, by a process that died."""

    transaction_id: int
    type: TransactionType
    gateway: str
    asked: Asked = field(repr=False)
    perhaps_done: bool


def count_due(db: Connection, scope: Scope) -> int:
    """How many transactions of the scope have no answer yet."""
    rows = select(func.count()).select_from(_transaction)
    return db.scalar(rows.where(_is_unknown, scope.condition)) or 0


def claim_due(db: Connection, scope: Scope, limit: int, me: int, without: list[str]) -> list[Due]:
    """Take up to `limit` of them, the oldest first, that no process that is there has taken.

    `me` is this process's number (see `order_factory.models.database.process_locks`). Those of the gateways in `without` are
    left.
    """
    open_ = and_(_is_unknown, scope.condition, _transaction.c.gateway.not_in(without))
    others = select(_transaction.c.claimed_by).distinct()
    holders = db.scalars(others.where(open_, _transaction.c.claimed_by.is_not(None))).all()
    gone = released_locks(db, [number for number in holders if number is not None])
    free = or_(_transaction.c.claimed_by.is_(None), _transaction.c.claimed_by.in_(gone))
    wanted = select(_transaction.c.id).where(open_, free).order_by(_transaction.c.id).limit(limit)
    keys = list(db.scalars(skip_locked(db, wanted, _transaction)))
    if not keys:
        return []
    db.execute(
        update(_transaction)
        .where(_transaction.c.id.in_(keys))
        .values(claimed_by=me, calls=_transaction.c.calls + 1, updated_at=utc_now())
    )
    return [_due(*tuple(row)) for row in db.execute(_select_due(keys))]


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
        )
        .select_from(_transaction)
        .join(_order, _order.c.id == _transaction.c.order_id)
        .outerjoin(_source, _source.c.id == _order.c.payment_source_id)
        .outerjoin(_authorization, _authorization.c.id == _transaction.c.authorization_id)
        .where(_transaction.c.id.in_(keys))
        .order_by(_transaction.c.id)
    )


def _due(
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
) -> Due:
    asked = Asked(
        idempotency_key,
        amount_cents,
        currency_code,
        public_id(Resource.orders, order_id),
        customer_token,
        payment_source_token,
        authorization_token,
    )
    return Due(key, TransactionType(kind), gateway, asked, perhaps_done=calls > 1)
