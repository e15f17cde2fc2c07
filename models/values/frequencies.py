"""The frequencies of subscriptions, and the calendar of their periods.

A frequency is a word of the reference, `every N days|weeks|months`, or a crontab expression.
All other modules read the list of words from here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from dateutil.relativedelta import relativedelta


class Unit(StrEnum):
    """The unit of a period."""

    HOURS = "hours"
    DAYS = "days"
    MONTHS = "months"


@dataclass(frozen=True)
class Every:
    """One period, as a number of units."""

    count: int
    unit: Unit


# The words. Source: Commerce Layer API reference, order subscription object.
FREQUENCIES = {
    "hourly": Every(1, Unit.HOURS),
    "daily": Every(1, Unit.DAYS),
    "weekly": Every(7, Unit.DAYS),
    "monthly": Every(1, Unit.MONTHS),
    "two-month": Every(2, Unit.MONTHS),
    "three-month": Every(3, Unit.MONTHS),
    "four-month": Every(4, Unit.MONTHS),
    "six-month": Every(6, Unit.MONTHS),
    "yearly": Every(12, Unit.MONTHS),
}
# Ours: `every 2 weeks`. The longest is ten years.
_COUNTED = {"day": (1, Unit.DAYS), "week": (7, Unit.DAYS), "month": (1, Unit.MONTHS)}
_LONGEST = {Unit.DAYS: 3_660, Unit.MONTHS: 120}
_EVERY = re.compile(rf"every ([0-9]{{1,5}}) ({'|'.join(_COUNTED)})s?", re.IGNORECASE)
FREQUENCY_FORMS = (
    f"{', '.join(FREQUENCIES)}, every N {'|'.join(f'{unit}s' for unit in _COUNTED)} "
    "such as every 2 weeks, or a crontab expression"
)
FREQUENCY_MEANING = f"How often: {FREQUENCY_FORMS} of at least an hour."
LONGEST_FREQUENCY = 100


def check_frequency(text: str) -> str:
    """Return the frequency as it is stored. Raises `ValueError` with the rule that it breaks."""
    frequency = " ".join(text.split())
    if frequency in FREQUENCIES:
        return frequency
    rule = f"must be one of {FREQUENCY_FORMS}"
    if len(frequency) > LONGEST_FREQUENCY:
        raise ValueError(rule)
    if match := _EVERY.fullmatch(frequency):
        return _check_every(int(match[1]), match[2].lower())
    if len(frequency.split()) != 5:
        raise ValueError(rule)
    try:
        crontab = CronSim(frequency, datetime(2024, 1, 1))  # noqa: DTZ001  (no zone is meant)
    except CronSimError as error:
        raise ValueError(rule) from error
    # Two minutes of the same hour are less than an hour apart.
    if len(crontab.minutes) > 1:
        raise ValueError("must be at most once an hour")
    _check_steps(frequency, crontab)
    return frequency


def _check_every(count: int, unit: str) -> str:
    size, counted_in = _COUNTED[unit]
    most = _LONGEST[counted_in] // size
    if not 1 <= count <= most:
        raise ValueError(f"must be from every 1 {unit}s to every {most} {unit}s")
    return f"every {count} {unit}s"


def _check_steps(frequency: str, crontab: CronSim) -> None:
    """Raise `ValueError` if a step over days or months restarts earlier than people expect.

    In a crontab, `*/14` does not mean every 14 days: it means the days 1, 15 and 29 of each month.
    """
    _, _, days, months, weekdays = frequency.split()
    named = (
        (days, "day", "days of the month", crontab.days, 31),
        (months, "month", "months", crontab.months, 12),
        (weekdays, "day", "days of the week", crontab.weekdays, 7),
    )
    for field, unit, kind, members, last in named:
        step = _find_open_step(field, last)
        if step < 2 or (unit == "month" and last % step == 0):
            continue
        known = (each for each in members if isinstance(each, int) and each >= 0)
        numbers = ",".join(str(each) for each in sorted(known))
        raise ValueError(
            f"must not have the step {field}: a crontab begins again with each "
            f"{'year' if unit == 'month' else kind.split()[-1]}, so it names the {kind} {numbers}. "
            f"Write every {step} {unit}s, or list the {kind}: {numbers}"
        )


def _find_open_step(field: str, last: int) -> int:
    """Return the step of a field such as `*/14` or `1-31/14`, or 1 for a range that ends early."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        end = span.partition("-")[2] or str(last)
        if step.isdigit() and end.isdigit() and int(end) >= last - 1:
            return int(step)
    return 1


def check_time_zone(name: str) -> str:
    """Return the name of a time zone. Raises `ValueError` with the rule that it breaks."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("must be an IANA time zone such as Europe/Rome") from error
    return name


@dataclass(frozen=True)
class Calendar:
    """The periods of a subscription, from `starts_at` (UTC) on.

    Except with a crontab, the first period is `starts_at` itself. Days, weeks, months and years
    keep the local time of `starts_at` in the time zone. Each period is counted from `starts_at` and
    not from the period before. So the 31st becomes the last day of a shorter month, and the 31st
    again after it. A local time that daylight saving skips is moved by the skipped time.

    A crontab means local times in the time zone. If daylight saving skips a time, its period is at
    the end of the skipped time. If a time occurs twice, its period is at the first time.
    """

    frequency: str
    starts_at: datetime
    time_zone: str = "UTC"

    def after(self, moment: datetime) -> datetime | None:
        """Return the first period after this time, in UTC, or None if there is no further one."""
        every = _parse_every(self.frequency)
        if every is None:
            begin = max(moment, self.starts_at - timedelta(microseconds=1))
            return _find_crontab_after(self.frequency, self.time_zone, begin)
        if moment < self.starts_at:
            return self.starts_at
        if every.unit == Unit.HOURS:
            step = timedelta(hours=every.count)
            return self.starts_at + ((moment - self.starts_at) // step + 1) * step
        return self._find_counted_after(every, moment)

    def between(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Yield the periods after `first` and up to `last`, in UTC, earliest first."""
        period = self.after(first)
        while period is not None and period <= last:
            yield period
            period = self.after(period)

    def _find_counted_after(self, every: Every, moment: datetime) -> datetime | None:
        zone = _load_zone(self.time_zone)
        anchor = self.starts_at.astimezone(zone).replace(tzinfo=None)
        local = moment.astimezone(zone)
        if every.unit == Unit.DAYS:
            units = (local.date() - anchor.date()).days
        else:
            units = 12 * (local.year - anchor.year) + local.month - anchor.month
        # Begin one period early, but not before the start.
        count = max(units // every.count - 1, 0) * every.count
        try:
            while (period := self._at(anchor, count, every.unit, zone)) <= moment:
                count += every.count
        except (OverflowError, ValueError):
            return None
        return period

    def _at(self, anchor: datetime, count: int, unit: Unit, zone: ZoneInfo) -> datetime:
        if not count:
            return self.starts_at
        clock = anchor + (timedelta(days=count) if unit == Unit.DAYS else _make_months(count))
        return clock.replace(tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=1_024)
def _parse_every(frequency: str) -> Every | None:
    """Return the period of a word or of `every N ...`, or None for a crontab."""
    if match := _EVERY.fullmatch(frequency):
        size, unit = _COUNTED[match[2].lower()]
        return Every(int(match[1]) * size, unit)
    return FREQUENCIES.get(frequency)


@lru_cache(maxsize=1_024)
def _make_months(count: int) -> relativedelta:
    return relativedelta(months=count)


@lru_cache(maxsize=1_024)
def _load_zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=65_536)
def _find_crontab_after(expression: str, time_zone: str, moment: datetime) -> datetime | None:
    """Return the next time of a crontab. Subscriptions with the same expression share the cache.

    The library lists times without daylight saving, and each is looked up in the time zone. The
    library's own treatment of daylight saving depends on how the hours are written.
    """
    zone = _load_zone(time_zone)
    # It is a minute earlier, because the library begins after the given time.
    clock = moment.astimezone(zone).replace(tzinfo=None) - timedelta(minutes=1)
    try:
        for local in CronSim(expression, clock):
            period = _find_first_at(local, zone)
            if period > moment:
                return period
    except OverflowError:
        pass  # the year 10000
    return None


def _find_first_at(clock: datetime, zone: ZoneInfo) -> datetime:
    """Return the first time (UTC) at which the clock shows this, or the end of the skipped time."""
    moment = clock.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == clock:
        return moment
    # The clocks go forward between these two times. A binary search finds the second.
    early = clock.replace(tzinfo=zone, fold=1).astimezone(UTC)
    before = early.astimezone(zone).utcoffset()
    while moment - early > timedelta(seconds=1):
        middle = early + (moment - early) // 2
        middle = middle.replace(microsecond=0)
        early, moment = (
            (middle, moment) if middle.astimezone(zone).utcoffset() == before else (early, middle)
        )
    return moment
