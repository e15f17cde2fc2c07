"""Reading pages of orders, order factories and batches, without customer data."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select
from sqlalchemy.orm import aliased

from order_factory.models.database.pages import read_page
from order_factory.models.tables import Event, LineItem, Order, OrderFactory, OrderFactoryBatch
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus, OrderStatus
from order_factory.tasks.working_set.target_orders import TARGET_OR_MERGED

# At most this many copies of one order are shown.
MAX_COPIES = 20


def list_orders(
    db: Connection, status: OrderStatus | None, page: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """One page of orders, the newest first, and how many there are in all.

    Each has number, id, status, mode, lines (a count), total_amount_cents, currency_code,
    placed_at, created_at, and copy_of: the number or id of the order that it was copied from.
    """
    conditions: Sequence[ColumnElement[bool]] = [] if status is None else [Order.status == status]
    rows, total = read_page(db, _select_orders(), Order.id, conditions, page, limit)
    return [_present_order(row) for row in rows], total


def read_order(db: Connection, order_id: int) -> dict[str, Any]:
    """One order as `list_orders` has it, with its line items and the factories that copy it.

    A line item has item_type, sku_code, name, quantity, unit_amount_cents and total_amount_cents;
    a factory is as `list_factories` has it.
    """
    order = db.execute(_select_orders().where(Order.id == order_id)).mappings().one()
    lines = (
        select(
            LineItem.item_type,
            LineItem.sku_code,
            LineItem.name,
            LineItem.quantity,
            LineItem.unit_amount_cents,
            LineItem.total_amount_cents,
        )
        .where(LineItem.order_id == order_id)
        .order_by(LineItem.id)
    )
    of_order = [OrderFactory.source_order_id == order_id]
    copies, _ = read_page(db, _select_factories(), OrderFactory.id, of_order, 1, MAX_COPIES)
    return _present_order(order) | {
        "line_items": [dict(row) for row in db.execute(lines).mappings()],
        "copies": [_present_factory(row) for row in copies],
    }


def list_factories(
    db: Connection, status: FactoryStatus | None, batch_id: int | None, page: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """One page of order factories, the newest first, and how many there are in all.

    Each has id, status, source_order and target_order (number or id), errors_count,
    batch_reference and created_at.
    """
    conditions: list[ColumnElement[bool]] = []
    if status is not None:
        conditions.append(OrderFactory.status == status)
    if batch_id is not None:
        conditions.append(OrderFactory.batch_id == batch_id)
    rows, total = read_page(db, _select_factories(), OrderFactory.id, conditions, page, limit)
    return [_present_factory(row) for row in rows], total


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


def _select_orders() -> Select[Any]:
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


def _select_factories() -> Select[Any]:
    source, target = aliased(Order), aliased(Order)
    return (
        select(
            OrderFactory.id,
            OrderFactory.status,
            OrderFactory.errors_count,
            OrderFactory.created_at,
            OrderFactoryBatch.reference.label("batch_reference"),
            source.id.label("source_id"),
            source.number.label("source_number"),
            target.id.label("target_id"),
            target.number.label("target_number"),
        )
        .join(source, source.id == OrderFactory.source_order_id)
        .outerjoin(target, target.id == TARGET_OR_MERGED)
        .outerjoin(OrderFactoryBatch, OrderFactoryBatch.id == OrderFactory.batch_id)
    )


def _present_factory(row: RowMapping) -> dict[str, Any]:
    return {
        "id": public_id(Resource.order_factories, row["id"]),
        "status": row["status"],
        "source_order": _choose_name(row["source_id"], row["source_number"]),
        "target_order": _choose_name(row["target_id"], row["target_number"]),
        "errors_count": row["errors_count"],
        "batch_reference": row["batch_reference"],
        "created_at": row["created_at"],
    }


def _choose_name(order_id: int | None, number: str | None) -> str | None:
    """The number of an order, or its public id when it has no number."""
    if order_id is None:
        return None
    return number or public_id(Resource.orders, order_id)


def _present_order(row: RowMapping) -> dict[str, Any]:
    values = dict(row)
    copy_of = _choose_name(values.pop("source_id"), values.pop("source_number"))
    return values | {"id": public_id(Resource.orders, row["id"]), "copy_of": copy_of}


def _present_batch(row: RowMapping) -> dict[str, Any]:
    values = {name.removeprefix("count_"): value for name, value in row.items()}
    return values | {"id": public_id(Resource.order_factory_batches, row["id"])}
