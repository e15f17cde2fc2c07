"""How many orders a batch finished when: summed in the database, a few dozen figures come out.

All orders of a transaction end at the same moment, when it commits.
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

# More transactions than this are counted together by the time at which they committed.
MOST_COMMITS = 60
# A pause is a time without work that is at least this long, and this share of the whole time.
PAUSE_SECONDS, PAUSE_PART = 5.0, 0.05
# The least time that a copy counts with.
_LEAST_SECONDS = 0.001


@dataclass(frozen=True)
class Commits:
    """Transactions that committed one after the other, the last one at `committed_at`.

    `orders` is how many orders they held, copied and failed ones together.
    """

    committed_at: datetime
    transactions: int
    orders: int


@dataclass(frozen=True)
class Stretch:
    """A time in which the batch was worked on without a pause."""

    began_at: datetime
    ended_at: datetime

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.began_at).total_seconds()


@dataclass(frozen=True)
class Throughput:
    """The stretches of work, and the commits within them, both in the order of time.

    There is none where nothing has been finished yet. `slice_seconds` is how close together the
    transactions are that were counted together; None if each is counted alone.
    """

    stretches: list[Stretch]
    commits: list[Commits]
    slice_seconds: float | None = None

    @property
    def orders(self) -> int:
        return sum(each.orders for each in self.commits)

    @property
    def transactions(self) -> int:
        return sum(each.transactions for each in self.commits)

    @property
    def seconds(self) -> float:
        """Seconds of work on the batch, without pauses."""
        return sum(stretch.seconds for stretch in self.stretches)

    @property
    def pauses(self) -> list[tuple[datetime, datetime]]:
        """Start and end of each pause."""
        return [
            (before.ended_at, after.began_at)
            for before, after in zip(self.stretches, self.stretches[1:], strict=False)
        ]


def _transactions(batch_id: int) -> CTE:
    """A row per transaction: when its first order began and when it committed, and its orders.

    Times are seconds since 1970.
    """
    ended = func.coalesce(OrderFactory.completed_at, OrderFactory.failed_at)
    began = func.coalesce(OrderFactory.started_at, ended)
    together = (
        select(func.min(began).label("began"), ended.label("ended"), func.count().label("orders"))
        .where(OrderFactory.batch_id == batch_id, ended.is_not(None))
        .group_by(ended)
        .subquery()
    )
    least = epoch(together.c.began) + _LEAST_SECONDS
    end = epoch(together.c.ended)
    return select(
        epoch(together.c.began).label("began"),
        case((end > least, end), else_=least).label("ended"),
        together.c.orders,
    ).cte("transactions")


def _select_stretches(batch_id: int) -> Select[tuple[float, float]]:
    """Select start and end of each stretch of work without a pause."""
    spans = _transactions(batch_id)
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


def _select_each(batch_id: int) -> Select[tuple[float, int, int]]:
    """The commits one by one, and one more than can be shown."""
    each = _transactions(batch_id)
    count = func.sum(each.c.orders)
    # Two transactions without any duration may have got the same end.
    return (
        select(each.c.ended, func.count(), count)
        .group_by(each.c.ended)
        .order_by(each.c.ended)
        .limit(MOST_COMMITS + 1)
    )


def _select_together(
    batch_id: int, slices: list[tuple[float, float]]
) -> Select[tuple[float, int, int]]:
    """The commits within each of these slices of time, counted together."""
    each = _transactions(batch_id)
    names = (column("nth", Integer), column("starts", Float), column("ends", Float))
    rows = [(nth, *times) for nth, times in enumerate(slices)]
    part = values(*names, name="slices").data(rows).cte("slices")
    return (
        select(func.max(each.c.ended), func.count(), func.sum(each.c.orders))
        .join(part, (each.c.ended > part.c.starts) & (each.c.ended <= part.c.ends))
        .group_by(part.c.nth)
        .order_by(part.c.nth)
    )


def _cut(began: float, ended: float, width: float) -> list[tuple[float, float]]:
    """Slices of this width; the last commit lies safely within the last one."""
    count = max(1, ceil((ended - began) / width - 1e-6))
    starts = [began + n * width for n in range(count)]
    return list(zip(starts, [*starts[1:], ended + _LEAST_SECONDS], strict=True))


def _time(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def read_throughput(db: Connection, batch_id: int) -> Throughput:
    """When the batch's transactions committed, and how many orders each one held.

    Failed orders are included. Of more than `MOST_COMMITS` transactions, those that committed
    within the same slice of time are counted together.
    """
    worked = [(row[0], row[1]) for row in db.execute(_select_stretches(batch_id))]
    stretches = [Stretch(_time(began), _time(ended)) for began, ended in worked]
    rows = db.execute(_select_each(batch_id)).all()
    width = None
    if len(rows) > MOST_COMMITS:
        # Each stretch may end with a slice that is not full.
        width = sum(ended - began for began, ended in worked) / max(1, MOST_COMMITS - len(worked))
        slices = [times for began, ended in worked for times in _cut(began, ended, width)]
        rows = db.execute(_select_together(batch_id, slices)).all()
    commits = [Commits(_time(ended), count, int(orders)) for ended, count, orders in rows]
    return Throughput(stretches, commits, width)
