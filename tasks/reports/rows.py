"""The rows of a report, read in parts, so that memory stays constant."""

from collections.abc import Generator
from typing import Any

from sqlalchemy import Connection, Select, and_, func, not_, or_, select
from sqlalchemy.orm import aliased

from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.copy_options import CHANGES
from order_factory.models.values.public_ids import Resource, public_id, public_ids
from order_factory.tasks.reports.differences import read_differences
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.target_orders import TARGET_OR_MERGED

# More rows at once would live long enough for Python's garbage collector to visit them again and
# again, which takes a third of the time.
ROWS_AT_ONCE = 1_000
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

_factory = table_of(OrderFactory)
# A copy without errors and without an option that changes something is as its source.
_MAY_DIFFER = or_(
    _factory.c.errors_count > 0,
    _factory.c.refresh_prices,
    _factory.c.apply_promotions,
    not_(_factory.c.reuse_wallet),
    _factory.c.applied_repeat_skus.is_not(None),
    *(_factory.c[name].is_not(None) for name in CHANGES),
)


def _select_rows(batch_id: int) -> Select[tuple[Any, ...]]:
    """Select the report's columns of the batch's factories, sorted by id."""
    source, target = aliased(Order), aliased(Order)
    return (
        select(
            OrderFactory.id,
            OrderFactory.source_order_id,
            source.number,
            OrderFactory.status,
            target.id,
            target.number,
            OrderFactory.errors_count,
            OrderFactory.reference,
            OrderFactory.started_at,
            func.coalesce(OrderFactory.completed_at, OrderFactory.failed_at),
            _MAY_DIFFER,
        )
        .join(source, source.id == OrderFactory.source_order_id)
        .outerjoin(target, target.id == TARGET_OR_MERGED)
        .where(OrderFactory.batch_id == batch_id)
        .order_by(OrderFactory.id)
    )


def join_messages(errors_log: dict[str, list[str]] | None) -> str | None:
    """Return the messages of a log, one `field: message` per line."""
    if not errors_log:
        return None
    return "\n".join(f"{field}: {text}" for field, texts in errors_log.items() for text in texts)


def _join_logs(db: Connection, batch_id: int, first: int, last: int) -> dict[int, str | None]:
    """Return the messages of these factories by id, if they have any."""
    # Its own query, because decoding JSON takes longer than all other values of a row.
    logs = select(_factory.c.id, _factory.c.errors_log).where(
        _factory.c.batch_id == batch_id,
        _factory.c.id.between(first, last),
        _factory.c.errors_log.is_not(None),
    )
    return {key: join_messages(log) for key, log in db.execute(logs)}


def _join_differences(db: Connection, batch_id: int, first: int, last: int) -> dict[int, str]:
    """Return the differences of these factories' copies by id, one per line."""
    which = and_(_factory.c.batch_id == batch_id, _factory.c.id.between(first, last), _MAY_DIFFER)
    differences_by_id = read_differences(db, which)
    return {key: "\n".join(map(str, each)) for key, each in differences_by_id.items() if each}


def without_new_names(part: Part) -> Part:
    """Return the part without ids and numbers, because their rows are rolled back."""
    empty = [None] * len(part["status"])
    return part | dict.fromkeys(("order_factory", "target_order", "target_number"), empty)


def read_parts(db: Connection, batch_id: int) -> Generator[Part]:
    """Yield the columns `COLUMNS` of at most `ROWS_AT_ONCE` factories at a time; times are aware.

    A factory has its public id, a source order its number or else its public id, and a target order
    both.
    """
    query = _select_rows(batch_id).execution_options(yield_per=ROWS_AT_ONCE)
    with db.execute(query) as streamed:
        for rows in streamed.partitions():
            columns = list(zip(*rows, strict=True))
            keys, source_keys, sources, statuses, targets, numbers, *others = columns
            counts, references, began, ended, may_differ = others
            logs = _join_logs(db, batch_id, keys[0], keys[-1]) if any(counts) else {}
            differences = (
                _join_differences(db, batch_id, keys[0], keys[-1]) if any(may_differ) else {}
            )
            shown = (
                public_ids(Resource.order_factories, keys),
                [
                    number or public_id(Resource.orders, key)
                    for key, number in zip(source_keys, sources, strict=True)
                ],
                statuses,
                public_ids(Resource.orders, targets),
                numbers,
                counts,
                list(map(logs.get, keys)),
                references,
                began,
                ended,
                list(map(differences.get, keys)),
            )
            yield {name: list(values) for name, values in zip(COLUMNS, shown, strict=True)}
