"""Reading the database for a list: pages of orders and batches, never a customer's data."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select
from sqlalchemy.orm import aliased

from order_factory.models.tables import Event, LineItem, Order, OrderFactory, OrderFactoryBatch
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus, OrderStatus


def list_orders(
    db: Connection, status: OrderStatus | None, page: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """One page of orders, the newest first, and how many there are in all.

    Each has number, id, status, mode, lines (a count), total_amount_cents, currency_code,
    placed_at, created_at, and copy_of: the number or id of the order that it was copied from.
    """
    wanted: Sequence[ColumnElement[bool]] = [] if status is None else [Order.status == status]
    total = db.scalar(select(func.count()).select_from(Order).where(*wanted)) or 0
    rows = _orders().where(*wanted).order_by(Order.id.desc())
    rows = rows.limit(limit).offset((page - 1) * limit)
    return [_present_order(row) for row in db.execute(rows).mappings()], total


def list_batches(db: Connection, limit: int) -> list[dict[str, Any]]:
    """The newest batches, each with its reference, id, status, counts and created_at."""
    newest = select(OrderFactoryBatch.id).order_by(OrderFactoryBatch.id.desc()).limit(limit)
    counts = {
        status.value: func.count(OrderFactory.id).filter(OrderFactory.status == status)
        for status in FactoryStatus
    }
    batch = OrderFactoryBatch.__table__.c
    rows = (
        select(
            batch.id,
            batch.reference,
            batch.status,
            batch.mode,
            batch.orders_count,
            batch.created_at,
            *(count.label(f"count_{name}") for name, count in counts.items()),
        )
        .outerjoin(OrderFactory, OrderFactory.batch_id == batch.id)
        .where(batch.id.in_(newest))
        .group_by(batch.id)
        .order_by(batch.id.desc())
    )
    return [_present_batch(row) for row in db.execute(rows).mappings()]


def list_events(db: Connection, factory_id: int) -> list[dict[str, Any]]:
    """The events of a factory, in the order in which they happened: name and created_at."""
    rows = select(Event.name, Event.created_at).where(Event.order_factory_id == factory_id)
    return [dict(row) for row in db.execute(rows.order_by(Event.id)).mappings()]


def _orders() -> Select[Any]:
    source = aliased(Order)
    lines = select(func.count()).where(LineItem.order_id == Order.id).scalar_subquery()
    return (
        select(
            Order.id,
            Order.number,
            Order.status,
            Order.mode,
            lines.label("lines"),
            Order.total_amount_cents,
            Order.currency_code,
            Order.placed_at,
            Order.created_at,
            source.id.label("source_id"),
            source.number.label("source_number"),
        )
        .outerjoin(OrderFactory, OrderFactory.id == Order.order_factory_id)
        .outerjoin(source, source.id == OrderFactory.source_order_id)
    )


def _present_order(row: RowMapping) -> dict[str, Any]:
    values = dict(row)
    source_id, source_number = values.pop("source_id"), values.pop("source_number")
    if source_id is not None and source_number is None:
        source_number = public_id(Resource.orders, source_id)
    return values | {"id": public_id(Resource.orders, row["id"]), "copy_of": source_number}


def _present_batch(row: RowMapping) -> dict[str, Any]:
    values = {name.removeprefix("count_"): value for name, value in row.items()}
    return values | {"id": public_id(Resource.order_factory_batches, row["id"])}
