"""How many orders a batch finished when: summed in the database, a few dozen figures come out.

All copies of a transaction end at the same moment, so that counting ends alone would show a spike
per transaction. Its orders are spread over the time that it took instead.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from sqlalchemy import (
    CTE,
    Connection,
    Float,
    Integer,
    Select,
    Subquery,
    case,
    column,
    func,
    select,
    values,
)

from order_factory.models.database.dialects import epoch
from order_factory.models.tables import OrderFactory

MOST_BUCKETS = 60
# Nothing under way for this long, and for this part of the whole time, is a pause.
PAUSE_SECONDS, PAUSE_PART = 5.0, 0.05
# What a copy that took no time at all is taken to have needed.
_LEAST_SECONDS = 0.001


@dataclass(frozen=True)
class Bucket:
    """The orders finished in a short time; a part of an order where a copy reaches beyond it."""

    began_at: datetime
    ended_at: datetime
    orders: float

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.began_at).total_seconds()

    @property
    def per_second(self) -> float:
        return self.orders / self.seconds


@dataclass(frozen=True)
class Throughput:
    """The times at which a batch was worked on, one after the other, each cut into buckets.

    Between two of them nothing was under way. There is none where nothing has been finished yet.
    """

    stretches: list[list[Bucket]]

    @property
    def orders(self) -> int:
        return round(sum(bucket.orders for stretch in self.stretches for bucket in stretch))

    @property
    def seconds(self) -> float:
        """How long the batch was worked on, pauses left out."""
        return sum(bucket.seconds for stretch in self.stretches for bucket in stretch)

    @property
    def pauses(self) -> list[tuple[datetime, datetime]]:
        """From when to when nothing was under way."""
        return [
            (before[-1].ended_at, after[0].began_at)
            for before, after in zip(self.stretches, self.stretches[1:], strict=False)
        ]


def _spans(batch_id: int) -> CTE:
    """A row per time that finished orders began and ended together: as seconds, and how many."""
    ended = func.coalesce(OrderFactory.completed_at, OrderFactory.failed_at)
    began = func.coalesce(OrderFactory.started_at, ended)
    together = (
        select(began.label("began"), ended.label("ended"), func.count().label("orders"))
        .where(OrderFactory.batch_id == batch_id, ended.is_not(None))
        .group_by(began, ended)
        .subquery()
    )
    least = epoch(together.c.began) + _LEAST_SECONDS
    end = epoch(together.c.ended)
    return select(
        epoch(together.c.began).label("began"),
        case((end > least, end), else_=least).label("ended"),
        together.c.orders,
    ).cte("spans")


def _select_stretches(batch_id: int) -> Select[tuple[float, float]]:
    """When work began and ended, a row per stretch of work without a pause."""
    spans = _spans(batch_id)
    in_order = [spans.c.began, spans.c.ended]
    with_earlier = select(
        spans,
        func.max(spans.c.ended).over(order_by=in_order, rows=(None, -1)).label("earlier_end"),
        (func.max(spans.c.ended).over() - func.min(spans.c.began).over()).label("whole"),
    ).subquery()
    idle = with_earlier.c.began - with_earlier.c.earlier_end
    paused = (idle > PAUSE_SECONDS) & (idle > with_earlier.c.whole * PAUSE_PART)
    numbered: Subquery = select(
        with_earlier,
        func.sum(case((paused, 1), else_=0))
        .over(order_by=[with_earlier.c.began, with_earlier.c.ended], rows=(None, 0))
        .label("stretch"),
    ).subquery()
    began = func.min(numbered.c.began)
    return select(began, func.max(numbered.c.ended)).group_by(numbered.c.stretch).order_by(began)


def _select_orders(batch_id: int, buckets: list[tuple[float, float]]) -> Select[tuple[int, float]]:
    """How many orders each bucket holds, by its place in the list."""
    spans = _spans(batch_id)
    names = (column("nth", Integer), column("starts", Float), column("ends", Float))
    rows = [(nth, *times) for nth, times in enumerate(buckets)]
    bucket = values(*names, name="buckets").data(rows).cte("buckets")
    first = case((spans.c.began > bucket.c.starts, spans.c.began), else_=bucket.c.starts)
    last = case((spans.c.ended < bucket.c.ends, spans.c.ended), else_=bucket.c.ends)
    share = (last - first) / (spans.c.ended - spans.c.began)
    return (
        select(bucket.c.nth, func.sum(spans.c.orders * share))
        .join(spans, (spans.c.began < bucket.c.ends) & (spans.c.ended > bucket.c.starts))
        .group_by(bucket.c.nth)
    )


def _cut(began: float, ended: float, width: float) -> list[tuple[float, float]]:
    count = max(1, ceil((ended - began) / width - 1e-6))
    return [(began + n * width, min(began + (n + 1) * width, ended)) for n in range(count)]


def _time(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def read_throughput(db: Connection, batch_id: int) -> Throughput:
    """How many orders of the batch were finished when, failed ones included."""
    worked = [(row[0], row[1]) for row in db.execute(_select_stretches(batch_id))]
    if not worked:
        return Throughput([])
    # Each stretch may end with a bucket that is not full.
    width = sum(ended - began for began, ended in worked) / (MOST_BUCKETS - len(worked))
    cuts = [_cut(began, ended, width) for began, ended in worked]
    flat = [times for cut in cuts for times in cut]
    orders = {row[0]: float(row[1]) for row in db.execute(_select_orders(batch_id, flat))}
    buckets = iter(
        [
            Bucket(_time(began), _time(ended), orders.get(nth, 0.0))
            for nth, (began, ended) in enumerate(flat)
        ]
    )
    return Throughput([[next(buckets) for _ in cut] for cut in cuts])
