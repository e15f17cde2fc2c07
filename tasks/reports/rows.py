"""The rows of a report, read part by part, so that memory does not grow with the batch."""

from collections.abc import Generator
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.orm import aliased

from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.public_ids import Resource, public_id, public_ids

ROWS_AT_ONCE = 10_000
COLUMNS = (
    "order_factory",
    "source_order",
    "status",
    "target_order",
    "target_number",
    "errors_count",
    "errors",
    "reference",
    "started_at",
    "ended_at",
)

# The values of each column, one per row; None if a row has none.
Part = dict[str, list[Any]]


def _select_rows(batch_id: int) -> Select[tuple[Any, ...]]:
    """Select what the report shows of the batch's factories, in the order of their keys."""
    source, target = aliased(Order), aliased(Order)
    return (
        select(
            OrderFactory.id,
            OrderFactory.source_order_id,
            source.number,
            OrderFactory.status,
            OrderFactory.target_order_id,
            target.number,
            OrderFactory.errors_count,
            OrderFactory.errors_log,
            OrderFactory.reference,
            OrderFactory.started_at,
            func.coalesce(OrderFactory.completed_at, OrderFactory.failed_at),
        )
        .join(source, source.id == OrderFactory.source_order_id)
        .outerjoin(target, target.id == OrderFactory.target_order_id)
        .where(OrderFactory.batch_id == batch_id)
        .order_by(OrderFactory.id)
    )


def _join_messages(errors_log: dict[str, list[str]] | None) -> str | None:
    """Return the messages of a log, one `field: message` per line."""
    if not errors_log:
        return None
    return "\n".join(f"{field}: {text}" for field, texts in errors_log.items() for text in texts)


def without_new_names(part: Part) -> Part:
    """Remove the ids and numbers of rows that are rolled back."""
    nothing = [None] * len(part["status"])
    return part | dict.fromkeys(("order_factory", "target_order", "target_number"), nothing)


def read_parts(db: Connection, batch_id: int) -> Generator[Part]:
    """Yield the columns `COLUMNS` of at most `ROWS_AT_ONCE` factories at a time; times are aware.

    The factory is named by its public id, the source order by its number, or without one by its
    public id, and the target order by both.
    """
    query = _select_rows(batch_id).execution_options(yield_per=ROWS_AT_ONCE)
    with db.execute(query) as streamed:
        for rows in streamed.partitions():
            keys, source_keys, sources, statuses, targets, numbers, counts, logs, *rest = zip(
                *rows, strict=True
            )
            columns = (
                public_ids(Resource.order_factories, keys),
                [
                    number or public_id(Resource.orders, key)
                    for key, number in zip(source_keys, sources, strict=True)
                ],
                statuses,
                public_ids(Resource.orders, targets),
                numbers,
                counts,
                [_join_messages(log) for log in logs],
                *rest,
            )
            yield {name: list(values) for name, values in zip(COLUMNS, columns, strict=True)}
