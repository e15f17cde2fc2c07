"""Recording a batch: every copy that is asked for becomes a pending factory, all in one go."""

import hashlib
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Insert,
    MetaData,
    Row,
    String,
    Table,
    Update,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlalchemy.schema import CreateTable

from models import Event, Order, OrderFactory, OrderFactoryBatch
from models.base import JsonObject, utc_now
from models.errors import InvalidRequest, SelectionInvalid
from models.public_ids import Resource, key_of
from models.statuses import BatchStatus, FactoryStatus, FactoryType, Mode
from tasks.inserts import Rows, at, insert_counted, table_of, times

_ROWS_AT_ONCE = 10_000

_selected = Table(
    "of_selected",
    MetaData(),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("source_order", String, nullable=False),
    Column("key", BigInteger),
    Column("source_order_id", BigInteger),
    Column("mode", String(4)),
    Column("place_target_order", Boolean, nullable=False),
    Column("reuse_wallet", Boolean, nullable=False),
    Column("skip_errors", Boolean, nullable=False),
    Column("reference", String),
    Column("reference_origin", String),
    Column("metadata", JsonObject),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DELETE ROWS",
)
_order = table_of(Order)


def record_batch(db: Connection, reference: str, name: str, selection: pd.DataFrame) -> int:
    """Record a batch with one pending factory per row of a checked selection; the batch's key.

    A batch that was recorded under this reference before, from the same selection, is found
    again. Raises `InvalidRequest` where the reference belongs to another selection, and
    `SelectionInvalid` with the rows that name an unknown or ambiguous order, or the same order
    twice under one reference; nothing is written then.
    """
    digest = _digest(selection)
    known = find_batch(db, reference)
    if known is not None:
        return _same_batch(known, digest)
    _stage(db, selection)
    problems = _problems(db)
    if problems:
        raise SelectionInvalid(name, problems)
    try:
        with db.begin_nested():
            return _insert_batch(db, reference, name, digest, len(selection))
    except IntegrityError:
        # Another run that started at the same time has recorded it; that is committed by now.
        known = find_batch(db, reference)
        if known is None:
            raise
        return _same_batch(known, digest)


def find_batch(db: Connection, reference: str) -> Row[Any] | None:
    """The batch with this reference."""
    batch = table_of(OrderFactoryBatch)
    return db.execute(select(batch).where(batch.c.reference == reference)).one_or_none()


def _same_batch(known: Row[Any], digest: str) -> int:
    """The key of the batch. Raises `InvalidRequest` where its selection was another one."""
    if known.options["selection_digest"] != digest:
        raise InvalidRequest(
            f"The batch {known.reference!r} was recorded for another selection "
            f"({known.selection}); give no orders to finish it, or another reference for these."
        )
    return int(known.id)


def _insert_batch(db: Connection, reference: str, name: str, digest: str, count: int) -> int:
    """The batch, its factories and their events, from the staged rows; the batch's key."""
    now = utc_now()
    batch_id = db.execute(
        insert(OrderFactoryBatch)
        .values(
            reference=reference,
            mode=_only_mode(db, name),
            status=BatchStatus.PENDING,
            selection=name,
            options={"selection_digest": digest},
            orders_count=count,
            created_at=now,
            updated_at=now,
        )
        .returning(OrderFactoryBatch.id)
    ).scalar_one()
    db.execute(insert_factories(batch_id, now))
    db.execute(insert_create_events(batch_id, now))
    return batch_id


def insert_factories(batch_id: int, now: datetime) -> Insert:
    """One pending factory per selected order, in the order of the selection."""
    carried = (
        "mode",
        "source_order_id",
        "place_target_order",
        "reuse_wallet",
        "skip_errors",
        "reference",
        "reference_origin",
        "metadata",
    )
    values = {
        **{label: _selected.c[label] for label in carried},
        "type": literal(FactoryType.ORDER_COPIES),
        "batch_id": literal(batch_id),
        "status": literal(FactoryStatus.PENDING),
        "errors_count": literal(0),
        **times(at(now)),
    }
    rows = select(*values.values()).order_by(_selected.c.row)
    return insert_counted(table_of(OrderFactory), list(values), rows)


def insert_create_events(batch_id: int, now: datetime) -> Insert:
    """The event that each factory of the batch was created."""
    mine = select(literal("order_factories.create"), OrderFactory.id, at(now))
    mine = mine.where(OrderFactory.batch_id == batch_id)
    return insert_counted(table_of(Event), ["name", "order_factory_id", "created_at"], mine)


def _stage(db: Connection, selection: pd.DataFrame) -> None:
    """Put the rows where SQL can reach them, and find each one's order."""
    db.execute(CreateTable(_selected, if_not_exists=True))
    db.execute(delete(_selected))
    rows = selection.reset_index(names="row")
    rows["key"] = pd.Series(
        [key_of(Resource.orders, order) for order in rows["source_order"]], dtype=object
    )
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows.iloc[start : start + _ROWS_AT_ONCE]
        names = list(part.columns)
        values = part.itertuples(index=False, name=None)
        db.execute(insert(_selected), [dict(zip(names, row, strict=True)) for row in values])
    by_number = and_(_order.c.mode.in_(list(Mode)), _order.c.number == _selected.c.source_order)
    db.execute(_find(by_number))
    db.execute(_find(and_(_selected.c.key.is_not(None), _order.c.id == _selected.c.key)))


def _find(fits: Any) -> Update:
    found = update(_selected).where(fits, _selected.c.source_order_id.is_(None))
    return found.values(source_order_id=_order.c.id, mode=_order.c.mode)


def _problems(db: Connection) -> list[str]:
    """What is wrong with which rows, in the order of the rows."""
    rows = _selected.c
    told = [
        (row, f"row {row}: no order has the number or id {order!r}")
        for row, order in db.execute(
            select(rows.row, rows.source_order).where(rows.source_order_id.is_(None))
        )
    ]
    told += [
        (row, f"row {row}: the number {order!r} belongs to more than one order; give the id")
        for row, order in db.execute(_ambiguous())
    ]
    told += [
        (row, f"row {row}: {_told_twice(order, reference, first)}")
        for row, order, reference, first in db.execute(_repeated())
    ]
    return [line for _, line in sorted(told)]


def _told_twice(order: str, reference: str | None, first: int) -> str:
    same = f" with the reference {reference!r}" if reference else ""
    return (
        f"order {order!r} stands in row {first} already{same}; to copy it twice, give each copy "
        "a reference of its own"
    )


def _ambiguous() -> Rows:
    """The rows whose name fits an order other than the one that was found."""
    other = aliased(Order)
    by_number = and_(other.mode.in_(list(Mode)), other.number == _selected.c.source_order)
    return (
        select(_selected.c.row, _selected.c.source_order)
        .join(other, or_(by_number, other.id == _selected.c.key))
        .where(other.id != _selected.c.source_order_id)
        .distinct()
    )


def _repeated() -> Rows:
    """The rows that name the order of an earlier row under the same reference."""
    first = func.min(_selected.c.row).over(
        partition_by=(_selected.c.source_order_id, func.coalesce(_selected.c.reference, ""))
    )
    rows = select(
        _selected.c.row,
        _selected.c.source_order,
        _selected.c.reference,
        first.label("first"),
        _selected.c.source_order_id,
    ).subquery()
    repeated = select(rows.c.row, rows.c.source_order, rows.c.reference, rows.c.first)
    return repeated.where(rows.c.row != rows.c.first, rows.c.source_order_id.is_not(None))


def _only_mode(db: Connection, name: str) -> str:
    modes = list(db.scalars(select(_selected.c.mode).distinct()))
    if len(modes) > 1:
        raise SelectionInvalid(name, ["it mixes orders of test mode with orders of live mode"])
    return str(modes[0])


def _digest(selection: pd.DataFrame) -> str:
    """The same for the same rows in the same order, and for no other selection."""
    text = selection.to_json(orient="values", default_handler=str)
    return hashlib.sha256(text.encode()).hexdigest()
