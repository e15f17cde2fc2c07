"""Claim order factories and load them: the first statements of a transaction.

A claimed factory's row stays locked until the transaction ends, so two runs never copy the same
one. When a run dies, the database releases its locks at once. The rows are still pending.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Insert,
    Select,
    Table,
    and_,
    bindparam,
    case,
    false,
    func,
    insert,
    or_,
    select,
    true,
)

from order_factory.models.database.dialects import new_key, plan_by_key
from order_factory.models.database.row_locks import skip_locked
from order_factory.models.tables import (
    Address,
    Customer,
    Order,
    OrderFactory,
    PaymentSource,
)
from order_factory.models.tables.base import Base
from order_factory.models.values.copy_options import LINE_CHANGES, OPTIONS, ORDER_CHANGES
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.working_set.kept_parts import resolve_default
from order_factory.tasks.working_set.statements import execute_and_count, insert_counted, table_of
from order_factory.tasks.working_set.tables import (
    analyze_copies,
    claims,
    copies,
    open_temporary_tables,
)
from order_factory.tasks.working_set.wallet_entries import join_wallet_entry

_factory = table_of(OrderFactory)
# The options for which the shop has a setting of the same name.
_OF_SHOP = ("keep_metadata", "keep_references", "repeat_skus")


@dataclass(frozen=True)
class Claimed:
    """The result of a claim: the number of factories, and whether they were prefetched."""

    db: Connection
    size: int
    prefetched: bool = False


UNFINISHED = (FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS)
# The values are literals, because neither database uses a partial index with parameters.
is_unfinished = OrderFactory.status.in_(
    bindparam("unfinished", UNFINISHED, expanding=True, literal_execute=True)
)

# Not copied yet. An unfinished factory with a target order waits for a gateway. `coalesce` prevents
# the use of the index on the target orders, which has every pending factory under null.
is_to_copy = and_(is_unfinished, func.coalesce(OrderFactory.target_order_id, 0) == 0)
# The same for claimed factories, which this transaction may have copied already. They are found by
# their keys: through the index, PostgreSQL would read all that is pending.
_is_still_to_copy = and_(
    func.coalesce(OrderFactory.status, "").in_(UNFINISHED),
    func.coalesce(OrderFactory.target_order_id, 0) == 0,
)
# Another attempt to place the target order of a failed factory: nothing is copied.
is_to_place_again = and_(
    OrderFactory.status == FactoryStatus.PENDING, OrderFactory.target_order_id.is_not(None)
)


def claim_factory(db: Connection, factory_id: int) -> int:
    """Claim this factory. Returns 1, or 0 if it is finished or another transaction holds it."""
    return _claim(db, _unfinished().where(OrderFactory.id == factory_id))


def claim_pending(db: Connection, batch_id: int, limit: int) -> int:
    """Claim up to `limit` unfinished factories of a batch, oldest first. Returns their number."""
    return _claim(db, pending(batch_id, limit))


def pending(
    batch_id: int, limit: int | BindParameter[int], *where: ColumnElement[bool]
) -> Select[tuple[int]]:
    """Select up to `limit` unfinished factories of a batch, oldest first."""
    rows = _unfinished().where(OrderFactory.batch_id == batch_id, *where)
    return rows.order_by(OrderFactory.id).limit(limit)


def claim_single(db: Connection, limit: int) -> int:
    """Claim up to `limit` unfinished factories without a batch and a flow run, oldest first.

    A batch copies its own factories, and a flow run those that it recorded for itself.
    """
    has_no_owner = OrderFactory.batch_id.is_(None), OrderFactory.flow_run_id.is_(None)
    return _claim(db, _unfinished().where(*has_no_owner).order_by(OrderFactory.id).limit(limit))


def load_claimed(db: Connection, first: int, last: int) -> None:
    """Fill the empty temporary tables for the claimed factories from id `first` to `last`."""
    db.execute(_insert_between(), {"first": first, "last": last})
    analyze_copies(db)


@cache
def _insert_between() -> Insert:
    between = claims.c.factory_id.between(bindparam("first"), bindparam("last"))
    return insert_copies(between)


def insert_copies(*which: ColumnElement[bool]) -> Insert:
    """Insert a row per claimed factory: its options, its source's references, its target's keys.

    `which` limits the claimed factories.
    """

    def key(resource: type[Base], nth: int = 1, each: int = 1) -> ColumnElement[int]:
        table = table_of(resource)
        return new_key(table, rank=claims.c.rank, nth=nth, each=each)

    order, customer, paid_with = table_of(Order), table_of(Customer), table_of(PaymentSource)
    joined = (
        claims.join(_factory, _factory.c.id == claims.c.factory_id)
        .join(order, order.c.id == _factory.c.source_order_id)
        .outerjoin(customer, customer.c.id == order.c.customer_id)
        .outerjoin(paid_with, paid_with.c.id == order.c.payment_source_id)
    )
    rows, wallet = join_wallet_entry(joined, paid_with, order.c.customer_id)
    own_email = func.nullif(Order.customer_email, "")
    # The subquery draws each key once, however often it is used below.
    prepared = (
        select(
            OrderFactory.id.label("factory_id"),
            Order.mode,
            Order.id.label("source_order_id"),
            *(_factory.c[name] for name in OPTIONS),
            _is_given(ORDER_CHANGES).label("order_changed"),
            _is_given(LINE_CHANGES).label("lines_changed"),
            _factory.c.merge_into.is_not(None).label("merges"),
            Order.customer_id,
            func.coalesce(own_email, Customer.email).label("customer_email"),
            case(
                (own_email.is_(None), Customer.email_key),
                else_=func.coalesce(Order.customer_email_key, own_email),
            ).label("customer_email_key"),
            Customer.status.label("customer_status"),
            Order.billing_address_id,
            Order.shipping_address_id,
            Order.shipping_country_code_lock,
            Order.coupon_code,
            Order.currency_code,
            func.coalesce(Order.coupon_code_key, Order.coupon_code).label("coupon_code_key"),
            Order.payment_source_id,
            wallet.label("wallet_payment_source_id"),
            key(Order).label("order_key"),
            key(Address, nth=1, each=2).label("billing_key"),
            key(Address, nth=2, each=2).label("shipping_key"),
            key(PaymentSource).label("payment_source_key"),
        )
        .select_from(rows)
        .where(_is_still_to_copy, *which)
        .subquery("drawn")
    )
    columns = prepared.c
    shared = columns.shipping_address_id == columns.billing_address_id
    reuses_wallet = and_(columns.reuse_wallet, columns.wallet_payment_source_id.is_not(None))
    values: dict[str, ColumnElement[Any]] = {
        column.key: columns[column.key] for column in copies.c if column.key in columns
    }
    values |= {
        **{name: resolve_default(name, columns[name]) for name in _OF_SHOP},
        "target_order_id": columns.order_key,
        "target_billing_address_id": case(
            (columns.billing_address_id.is_not(None), columns.billing_key)
        ),
        "target_shipping_address_id": case(
            (shared, columns.billing_key),
            (columns.shipping_address_id.is_not(None), columns.shipping_key),
        ),
        "target_payment_source_id": case((reuses_wallet, columns.payment_source_key)),
        "valid": true(),
        "failed": false(),
        "awaits": false(),
        "aborted": false(),
    }
    return insert(copies).from_select(list(values), select(*values.values()))


def _is_given(changes: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(_factory.c[name].is_not(None) for name in changes))


def _unfinished() -> Select[tuple[int]]:
    return select(OrderFactory.id).where(is_to_copy)


def _claim(db: Connection, wanted: Select[tuple[int]]) -> int:
    open_temporary_tables(db)
    plan_by_key(db)
    return execute_and_count(db, insert_claims(skip_locked(db, wanted, table_of(OrderFactory))))


def insert_claims(wanted: Select[tuple[int]]) -> Insert:
    """Insert a claim per selected factory, numbered from 1 in the order of their keys."""
    selected = wanted.subquery("held")
    rank = func.row_number().over(order_by=selected.c.id)
    return insert_counted(claims, ["factory_id", "rank"], select(selected.c.id, rank))


def claimed_range(db: Connection, table: Table = claims) -> tuple[int, int, int]:
    """Return the number of claimed factories, the first id and the last id."""
    ids = table.c.factory_id
    count, first, last = db.execute(select(func.count(), func.min(ids), func.max(ids))).one()
    return count, first, last
