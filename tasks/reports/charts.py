"""The geometry of the page's charts, in percent of their width and height."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log10

from order_factory.models.results.copies import ErrorCount
from order_factory.tasks.reports.throughput import Commits, Stretch, Throughput
from order_factory.tasks.reports.wording import clock, orders

BARS_OF_ERRORS = 12
_TICKS = (0, 25, 50, 75, 100)
_GRID_LINES = 4
# The width of a pause in the chart, whatever its length.
_PAUSE_PERCENT = 2.0
_BAR_PERCENT = 1.0


@dataclass(frozen=True)
class Bar:
    """A bar upwards; `left` and `top` are where it begins, `message` describes it."""

    left: float
    top: float
    width: float
    height: float
    message: str


@dataclass(frozen=True)
class Mark:
    """A place on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class ThroughputChart:
    """A bar for each commit, as high as it held orders; pauses between the work are cut out."""

    bars: list[Bar]
    grid: list[Mark]
    times: list[Mark]
    pauses: list[float]


def _step(peak: float) -> float:
    """A round number of orders of which a few reach the peak."""
    least = max(1.0, peak / _GRID_LINES)
    power = 10.0 ** ceil(log10(least) - 1)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least - 1e-9)


def _grid(peak: float) -> list[Mark]:
    """Return the grid lines from bottom to top; the last one is the top of the chart."""
    step = _step(peak)
    lines = ceil(peak / step - 1e-9)
    return [Mark(100 - 100 * line / lines, f"{line * step:,.0f}") for line in range(lines + 1)]


def _describe(commits: Commits, precise: bool) -> str:
    """`12:00:03 UTC: 500 orders committed`, and by how many transactions if by several."""
    message = f"{clock(commits.committed_at, precise)} UTC: {orders(commits.orders)} committed"
    if commits.transactions == 1:
        return message
    return f"{message} by {commits.transactions:,} transactions until then"


@dataclass(frozen=True)
class _Axis:
    """The places of times on the axis: a stretch of work begins at `left` and is `width` wide."""

    places: list[tuple[float, float, Stretch]]

    @classmethod
    def of(cls, throughput: Throughput) -> "_Axis":
        scale = (100 - _PAUSE_PERCENT * len(throughput.pauses)) / throughput.seconds
        left, places = 0.0, []
        for stretch in throughput.stretches:
            places.append((left, stretch.seconds * scale, stretch))
            left += stretch.seconds * scale + _PAUSE_PERCENT
        return cls(places)

    def place_of(self, time: datetime) -> float:
        """In percent. A time outside of the work is at the end of the stretch before it."""
        left, width, stretch = max(
            (place for place in self.places if place[2].began_at <= time),
            key=lambda place: place[0],
            default=self.places[0],
        )
        part = (time - stretch.began_at).total_seconds() / stretch.seconds
        return left + width * min(1.0, max(0.0, part))

    def time_at(self, percent: float) -> datetime:
        """The time at this place."""
        for left, width, stretch in self.places:
            if percent <= left + width + 1e-6:
                part = min(1.0, max(0.0, (percent - left) / width))
                return stretch.began_at + timedelta(seconds=stretch.seconds * part)
        return self.places[-1][2].ended_at

    def pauses(self) -> list[float]:
        return [left - _PAUSE_PERCENT / 2 for left, _, _ in self.places[1:]]


def chart_throughput(throughput: Throughput) -> ThroughputChart | None:
    """The chart of what was committed when; None where nothing was."""
    if not throughput.commits:
        return None
    axis = _Axis.of(throughput)
    precise = throughput.seconds < 20
    peak = max(each.orders for each in throughput.commits)
    grid = _grid(peak)
    top = (len(grid) - 1) * _step(peak)
    bars = []
    for each in throughput.commits:
        height = 100 * each.orders / top
        # A bar ends where its transaction committed.
        left = max(0.0, axis.place_of(each.committed_at) - _BAR_PERCENT)
        bars.append(Bar(left, 100 - height, _BAR_PERCENT, height, _describe(each, precise)))
    return ThroughputChart(
        bars=bars,
        grid=grid,
        times=[Mark(at, clock(axis.time_at(at), precise)) for at in _TICKS],
        pauses=axis.pauses(),
    )


def chart_errors(errors: list[ErrorCount]) -> list[tuple[ErrorCount, float]]:
    """Return the most frequent kinds of error, each with the length of its bar in percent."""
    shown = errors[:BARS_OF_ERRORS]
    most = max((error.count for error in shown), default=1)
    return [(error, 100 * error.count / most) for error in shown]
