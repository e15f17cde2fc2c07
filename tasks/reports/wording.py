"""Format times, durations and rates for people."""

from datetime import UTC, datetime

from order_factory.models.values.counts import format_count


def clock(time: datetime, precise: bool = False) -> str:
    """Return the time of day in UTC, with seconds or milliseconds."""
    timespec = "milliseconds" if precise else "seconds"
    return time.astimezone(UTC).time().isoformat(timespec)


def moment(time: datetime) -> str:
    """Return the day and the time in UTC, with the time zone."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """Return `12.3 s`, `4 min 5 s`, `2 h 5 min` or `3 d 2 h`."""
    if seconds < 59.95:
        return f"{seconds:,.1f} s" if seconds >= 0.095 else f"{seconds:,.3f} s"
    whole = round(seconds)
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    if minutes < 1_440:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / 3_600)
    return f"{hours // 24} d {hours % 24} h"


def rate(per_second: float) -> str:
    """Return whole orders for a high rate, one or three decimals for a low one."""
    if per_second >= 99.95:
        return f"{per_second:,.0f}"
    return f"{per_second:,.1f}" if per_second >= 0.9995 else f"{per_second:,.3f}"


def orders(count: int) -> str:
    return format_count(count, "order")
