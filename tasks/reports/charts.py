"""The geometry of the page's charts: everything in percent of the width and the height."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log10

from order_factory.models.results.copies import ErrorCount
from order_factory.tasks.reports.throughput import Bucket, Throughput
from order_factory.tasks.reports.wording import clock, rate

BARS_OF_ERRORS = 12
_TICKS = (0, 25, 50, 75, 100)
_GRID_LINES = 4
# How wide a pause is drawn, however long it was.
_PAUSE_PERCENT = 2.0


@dataclass(frozen=True)
class Bar:
    """A bar upwards; `left` and `top` are where it begins, `told` says what it stands for."""

    left: float
    top: float
    width: float
    height: float
    message: str


@dataclass(frozen=True)
class Mark:
    """A place on an axis, and what stands there."""

    at: float
    label: str


@dataclass(frozen=True)
class ThroughputChart:
    """Orders per second over time; the pauses between the stretches of work are cut out."""

    bars: list[Bar]
    grid: list[Mark]
    times: list[Mark]
    pauses: list[float]
    average_top: float


def _step(peak: float) -> float:
    """A round number of which a few reach the peak."""
    least = peak / _GRID_LINES
    power = 10.0 ** ceil(log10(least) - 1)
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= least)


def _grid(peak: float) -> list[Mark]:
    """The lines from the bottom up; the last one is the top of the chart."""
    step = _step(peak)
    lines = ceil(peak / step - 1e-9)
    digits = max(0, ceil(-log10(step)) + (step * 10 ** ceil(-log10(step)) % 1 > 0))
    return [
        Mark(100 - 100 * line / lines, f"{line * step:,.{digits}f}") for line in range(lines + 1)
    ]


def _told(bucket: Bucket, precise: bool) -> str:
    began, ended = clock(bucket.began_at, precise), clock(bucket.ended_at, precise)
    return f"{began} to {ended} UTC: {rate(bucket.per_second)} orders per second"


def _time_at(percent: float, places: list[tuple[float, float, Bucket]]) -> datetime:
    """The time that stands at this place of the axis."""
    for left, width, bucket in places:
        if percent <= left + width + 1e-6:
            part = min(1.0, max(0.0, (percent - left) / width))
            return bucket.began_at + timedelta(seconds=bucket.seconds * part)
    return places[-1][2].ended_at


def chart_throughput(throughput: Throughput) -> ThroughputChart | None:
    """The chart of what was finished when; None where nothing was."""
    if not throughput.stretches:
        return None
    pauses = len(throughput.pauses)
    scale = (100 - _PAUSE_PERCENT * pauses) / throughput.seconds
    precise = throughput.seconds < 20
    places: list[tuple[float, float, Bucket]] = []
    breaks: list[float] = []
    left = 0.0
    for stretch in throughput.stretches:
        if places:
            breaks.append(left + _PAUSE_PERCENT / 2)
            left += _PAUSE_PERCENT
        for bucket in stretch:
            places.append((left, bucket.seconds * scale, bucket))
            left += bucket.seconds * scale
    peak = max(bucket.per_second for _, _, bucket in places)
    grid = _grid(peak)
    lines = len(grid) - 1
    top = lines * _step(peak)
    bars = [
        Bar(
            left,
            100 - 100 * bucket.per_second / top,
            width,
            100 * bucket.per_second / top,
            _told(bucket, precise),
        )
        for left, width, bucket in places
    ]
    average = throughput.orders / throughput.seconds
    return ThroughputChart(
        bars=bars,
        grid=grid,
        times=[Mark(at, clock(_time_at(at, places), precise)) for at in _TICKS],
        pauses=breaks,
        average_top=100 - 100 * average / top,
    )


def chart_errors(errors: list[ErrorCount]) -> list[tuple[ErrorCount, float]]:
    """The most frequent kinds of error, each with the length of its bar in percent."""
    shown = errors[:BARS_OF_ERRORS]
    most = max((error.count for error in shown), default=1)
    return [(error, 100 * error.count / most) for error in shown]
