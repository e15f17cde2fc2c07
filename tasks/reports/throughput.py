"""The throughput of a batch over time, summed up in the database to a few dozen figures.

All orders of a transaction end at the same time, when it commits.
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

# If there are more transactions, they are grouped by the time of their commit.
MOST_COMMITS = 60
# A pause is a time without work that has at least this length and this share of the whole time.
PAUSE_SECONDS, PAUSE_PART = 5.0, 0.05
# The shortest duration of a copy.
_LEAST_SECONDS = 0.001


@dataclass(frozen=True)
class Commits:
    """Consecutive transactions, of which the last committed at `committed_at`.

    `orders` is the number of their orders, copied and failed.
    """

    committed_at: datetime
    transactions: int
    orders: int


@dataclass(frozen=True)
class Stretch:
    """A time of work on the batch without a pause."""

    began_at: datetime
    ended_at: datetime

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.began_at).total_seconds()


@dataclass(frozen=True)
class Throughput:
    """The stretches of work, and the commits within them, both sorted by time.

    Both are empty if nothing is finished yet. `slice_seconds` is the length of the time in which
    transactions are grouped; None if they are not grouped.
    """

    stretches: list[Stretch]
    commits: list[Commits]
    slice_seconds: float | None = None

    @property
    def orders(self) -> int:
        return sum(transaction.orders for transaction in self.commits)

    @property
    def transactions(self) -> int:
        return sum(transaction.transactions for transaction in self.commits)

    @property
    def seconds(self) -> float:
        """Return the seconds of work on the batch, without pauses."""
        return sum(stretch.seconds for stretch in self.stretches)

    @property
    def pauses(self) -> list[tuple[datetime, datetime]]:
        """Return the start and the end of each pause."""
        return [
            (before.ended_at, after.began_at)
            for before, after in zip(self.stretches, self.stretches[1:], strict=False)
        ]


def _transactions(batch_id: int) -> CTE:
    """Select a row per transaction: start of its first order, commit, and number of orders.

    Times are in seconds since 1970.
    """
    ended = func.coalesce(OrderFactory.completed_at, OrderFactory.failed_at)
    began = func.coalesce(OrderFactory.started_at, ended)
    transactions_by_end = (
        select(func.min(began).label("began"), ended.label("ended"), func.count().label("orders"))
        .where(OrderFactory.batch_id == batch_id, ended.is_not(None))
        .group_by(ended)
        .subquery()
    )
    least = epoch(transactions_by_end.c.began) + _LEAST_SECONDS
    end = epoch(transactions_by_end.c.ended)
    return select(
        epoch(transactions_by_end.c.began).label("began"),
        case((end > least, end), else_=least).label("ended"),
        transactions_by_end.c.orders,
    ).cte("transactions")


def _select_stretches(batch_id: int) -> Select[tuple[float, float]]:
    """Select start and end of each stretch of work without a pause."""
    spans = _transactions(batch_id)
    order = [spans.c.began, spans.c.ended]
    with_earlier = select(
        spans,
        func.max(spans.c.ended).over(order_by=order, rows=(None, -1)).label("earlier_end"),
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
    """Select the commits, up to one more than can be shown."""
    transaction = _transactions(batch_id)
    count = func.sum(transaction.c.orders)
    # Two transactions without a duration can have the same end.
    return (
        select(transaction.c.ended, func.count(), count)
        .group_by(transaction.c.ended)
        .order_by(transaction.c.ended)
        .limit(MOST_COMMITS + 1)
    )


def _select_together(
    batch_id: int, slices: list[tuple[float, float]]
) -> Select[tuple[float, int, int]]:
    """Select the commits grouped by these slices of time."""
    transaction = _transactions(batch_id)
    names = (column("nth", Integer), column("starts", Float), column("ends", Float))
    rows = [(nth, *times) for nth, times in enumerate(slices)]
    part = values(*names, name="slices").data(rows).cte("slices")
    return (
        select(func.max(transaction.c.ended), func.count(), func.sum(transaction.c.orders))
        .join(part, (transaction.c.ended > part.c.starts) & (transaction.c.ended <= part.c.ends))
        .group_by(part.c.nth)
        .order_by(part.c.nth)
    )


def _cut(began: float, ended: float, width: float) -> list[tuple[float, float]]:
    """Return slices of this width; the last slice contains the last commit."""
    count = max(1, ceil((ended - began) / width - 1e-6))
    starts = [began + n * width for n in range(count)]
    return list(zip(starts, [*starts[1:], ended + _LEAST_SECONDS], strict=True))


def _time(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def read_throughput(db: Connection, batch_id: int) -> Throughput:
    """Return the commits of the batch with their numbers of orders, including failed ones.

    More than `MOST_COMMITS` transactions are grouped by slices of time.
    """
    worked = [(row[0], row[1]) for row in db.execute(_select_stretches(batch_id))]
    stretches = [Stretch(_time(began), _time(ended)) for began, ended in worked]
    rows = db.execute(_select_each(batch_id)).all()
    width = None
    if len(rows) > MOST_COMMITS:
        # The last slice of a stretch can be shorter.
        width = sum(ended - began for began, ended in worked) / max(1, MOST_COMMITS - len(worked))
        slices = [times for began, ended in worked for times in _cut(began, ended, width)]
        rows = db.execute(_select_together(batch_id, slices)).all()
    commits = [Commits(_time(ended), count, int(orders)) for ended, count, orders in rows]
    return Throughput(stretches, commits, width)
