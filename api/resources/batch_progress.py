"""The progress of batches: the finished copies, their rate, and the remaining time."""

from collections.abc import Sequence
from math import ceil
from operator import itemgetter

from sqlalchemy import Connection, func, select

from order_factory.api.resources.description import Attribute, Row, Type
from order_factory.models.tables import OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import BatchStatus, FactoryStatus
from order_factory.tasks.working_set.claims import is_unfinished
from order_factory.tasks.working_set.statements import table_of

_factory = table_of(OrderFactory)


def computed(name: str, kind: Type, meaning: str) -> Attribute:
    """Return an attribute that `complete_progress` adds to the rows."""
    return Attribute(
        name, kind, itemgetter(name), nullable=name != "finished_count", meaning=meaning
    )


def complete_progress(db: Connection, rows: Sequence[Row]) -> None:
    """Add `finished_count`, `orders_per_second` and `seconds_left` to these batches."""
    keys = [row["id"] for row in rows]
    counts = select(_factory.c.batch_id, func.count()).group_by(_factory.c.batch_id)
    is_in_batch = _factory.c.batch_id.in_(keys)
    left = dict(db.execute(counts.where(is_in_batch, is_unfinished)).tuples().all())
    stopped = [row["id"] for row in rows if row["status"] == BatchStatus.ABORTED]
    if stopped:
        aborted = counts.where(
            _factory.c.batch_id.in_(stopped), _factory.c.status == FactoryStatus.ABORTED
        )
        for key, count in db.execute(aborted):
            left[key] = left.get(key, 0) + count
    for row in rows:
        open_count = left.get(row["id"], 0)
        row["finished_count"] = 0 if row["dry_run"] else row["orders_count"] - open_count
        row["orders_per_second"], row["seconds_left"] = _calculate_speed(row, open_count)


def _calculate_speed(row: Row, open_count: int) -> tuple[float | None, int | None]:
    """Return the copies per second since the start or the last resume, and the seconds left."""
    if row["status"] != BatchStatus.IN_PROGRESS or row["resumed_at"] is None:
        return None, None
    seconds = (utc_now() - row["resumed_at"]).total_seconds()
    finished = row["finished_count"] - (row["finished_before"] or 0)
    if seconds <= 0 or finished <= 0:
        return None, None
    rate = finished / seconds
    return round(rate, 1), ceil(open_count / rate)
