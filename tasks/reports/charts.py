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
# The width of every pause in the chart.
_PAUSE_PERCENT = 2.0
_BAR_PERCENT = 1.0


@dataclass(frozen=True)
class Bar:
    """A vertical bar; `left` and `top` are its corner, and `message` describes it."""

    left: float
    top: float
    width: float
    height: float
    message: str


@dataclass(frozen=True)
class Mark:
    """A position on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class ThroughputChart:
    """A chart with a bar per commit. The height is the number of orders, and pauses are short."""

    bars: list[Bar]
    grid: list[Mark]
    times: list[Mark]
    pauses: list[float]


def _step(peak: float) -> float:
    """Return a round number of orders for the distance of the grid lines."""
    least = max(1.0, peak / _GRID_LINES)
    power = 10.0 ** ceil(log10(least) - 1)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least - 1e-9)


def _grid(peak: float) -> list[Mark]:
    """Return the grid lines from bottom to top; the last one is the top of the chart."""
    step = _step(peak)
    lines = ceil(peak / step - 1e-9)
    return [Mark(100 - 100 * line / lines, f"{line * step:,.0f}") for line in range(lines + 1)]


def _describe(commits: Commits, precise: bool) -> str:
    """Return `12:00:03 UTC: 500 orders committed`, with the number of transactions if several."""
    message = f"{clock(commits.committed_at, precise)} UTC: {orders(commits.orders)} committed"
    if commits.transactions == 1:
        return message
    return f"{message} by {commits.transactions:,} transactions until then"


@dataclass(frozen=True)
class _Axis:
    """The positions of times on the axis: a stretch of work starts at `left` with a `width`."""

    positions: list[tuple[float, float, Stretch]]

    @classmethod
    def of(cls, throughput: Throughput) -> "_Axis":
        scale = (100 - _PAUSE_PERCENT * len(throughput.pauses)) / throughput.seconds
        left, positions = 0.0, []
        for stretch in throughput.stretches:
            positions.append((left, stretch.seconds * scale, stretch))
            left += stretch.seconds * scale + _PAUSE_PERCENT
        return cls(positions)

    def calculate_position(self, time: datetime) -> float:
        """Return the position in percent. A time in a pause is at the end of the stretch before."""
        left, width, stretch = max(
            (position for position in self.positions if position[2].began_at <= time),
            key=lambda position: position[0],
            default=self.positions[0],
        )
        part = (time - stretch.began_at).total_seconds() / stretch.seconds
        return left + width * min(1.0, max(0.0, part))

    def time_at(self, percent: float) -> datetime:
        """Return the time at this position."""
        for left, width, stretch in self.positions:
            if percent <= left + width + 1e-6:
                part = min(1.0, max(0.0, (percent - left) / width))
                return stretch.began_at + timedelta(seconds=stretch.seconds * part)
        return self.positions[-1][2].ended_at

    def pauses(self) -> list[float]:
        return [left - _PAUSE_PERCENT / 2 for left, _, _ in self.positions[1:]]


def chart_throughput(throughput: Throughput) -> ThroughputChart | None:
    """Return the chart of the commits; None if there are none."""
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
        left = max(0.0, axis.calculate_position(each.committed_at) - _BAR_PERCENT)
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
