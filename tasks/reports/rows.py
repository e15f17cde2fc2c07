"""The rows of a report, read part by part, so that memory does not grow with the batch."""

from collections.abc import Generator
from typing import Any

from sqlalchemy import Connection, Select, and_, func, not_, or_, select
from sqlalchemy.orm import aliased

from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.copy_options import CHANGES
from order_factory.models.values.public_ids import Resource, public_id, public_ids
from order_factory.tasks.reports.differences import read_differences
from order_factory.tasks.working_set.statements import table_of

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
    "differences",
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


def join_messages(errors_log: dict[str, list[str]] | None) -> str | None:
    """Return the messages of a log, one `field: message` per line."""
    if not errors_log:
        return None
    return "\n".join(f"{field}: {text}" for field, texts in errors_log.items() for text in texts)


def _join_differences(db: Connection, batch_id: int, first: int, last: int) -> dict[int, str]:
    """The differences of these factories' copies from their sources, one a line, by key.

    A copy without errors and without an option that changes something is as its source.
    """
    of = table_of(OrderFactory).c
    may_differ = or_(
        of.errors_count > 0,
        of.refresh_prices,
        of.apply_promotions,
        not_(of.reuse_wallet),
        of.applied_repeat_skus.is_not(None),
        *(of[name].is_not(None) for name in CHANGES),
    )
    which = and_(of.batch_id == batch_id, of.id.between(first, last), may_differ)
    found = read_differences(db, which)
    return {key: "\n".join(map(str, each)) for key, each in found.items() if each}


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
                [join_messages(log) for log in logs],
                *rest,
            )
            differences = _join_differences(db, batch_id, keys[0], keys[-1])
            all_columns = (*columns, [differences.get(key) for key in keys])
            yield {name: list(values) for name, values in zip(COLUMNS, all_columns, strict=True)}
