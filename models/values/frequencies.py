"""How often an order is repeated: the words of the reference, crontab expressions, and the periods
that both make in a time zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from dateutil.relativedelta import relativedelta

_MONTHS = {
    "monthly": 1,
    "two-month": 2,
    "three-month": 3,
    "four-month": 4,
    "six-month": 6,
    "yearly": 12,
}
_DAYS = {"daily": 1, "weekly": 7}
_HOUR = timedelta(hours=1)
# Source: Commerce Layer API reference, order subscription object.
FREQUENCIES = ("hourly", *_DAYS, *_MONTHS)
LONGEST_FREQUENCY = 100


def check_frequency(text: str) -> str:
    """The frequency as it is kept. Raises `ValueError` with the rule that it breaks."""
    frequency = " ".join(text.split())
    if frequency in FREQUENCIES:
        return frequency
    rule = f"must be one of {', '.join(FREQUENCIES)}, or a crontab expression"
    if len(frequency) > LONGEST_FREQUENCY or len(frequency.split()) != 5:
        raise ValueError(rule)
    try:
        crontab = CronSim(frequency, datetime(2024, 1, 1))  # noqa: DTZ001  (no zone is meant)
    except CronSimError as error:
        raise ValueError(rule) from error
    # Two minutes of an hour are less than an hour apart, and one minute of an hour never is.
    if len(crontab.minutes) > 1:
        raise ValueError("must not come more often than every hour")
    return frequency


def check_time_zone(name: str) -> str:
    """The name of a time zone. Raises `ValueError` with the rule that it breaks."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("must be an IANA time zone such as Europe/Rome") from error
    return name


@dataclass(frozen=True)
class Calendar:
    """The periods of a subscription, from `starts_at` (UTC) on, which is one for all but crontabs.

    Days, weeks, months and years keep the time that the clocks of the time zone showed at
    `starts_at`. Each is counted from there and not from the one before, so that the 31st is the
    last day of a shorter month and then the 31st again. A time that the clocks skip comes as much
    later as they skip; one that they show twice comes the first time.
    """

    frequency: str
    starts_at: datetime
    time_zone: str = "UTC"

    def after(self, moment: datetime) -> datetime | None:
        """The first period later than this moment, in UTC; None where there is none any more."""
        if moment < self.starts_at and self.frequency in FREQUENCIES:
            return self.starts_at
        if self.frequency == "hourly":
            return self.starts_at + ((moment - self.starts_at) // _HOUR + 1) * _HOUR
        if self.frequency in FREQUENCIES:
            return self._word_after(moment)
        return _crontab_after(
            self.frequency, self.time_zone, max(moment, self.starts_at - timedelta(microseconds=1))
        )

    def between(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """The periods later than `first` and not later than `last`, in UTC, in their order."""
        period = self.after(first)
        while period is not None and period <= last:
            yield period
            period = self.after(period)

    def _word_after(self, moment: datetime) -> datetime | None:
        zone = _zone(self.time_zone)
        anchor = self.starts_at.astimezone(zone).replace(tzinfo=None)
        local = moment.astimezone(zone)
        if self.frequency in _DAYS:
            unit = _DAYS[self.frequency]
            units = (local.date() - anchor.date()).days
        else:
            unit = _MONTHS[self.frequency]
            units = 12 * (local.year - anchor.year) + local.month - anchor.month
        # One earlier than it can be, and not before the start.
        count = max(units // unit - 1, 0) * unit
        try:
            while (period := self._at(anchor, count, zone)) <= moment:
                count += unit
        except (OverflowError, ValueError):
            return None
        return period

    def _at(self, anchor: datetime, count: int, zone: ZoneInfo) -> datetime:
        if not count:
            return self.starts_at
        days = self.frequency in _DAYS
        clock = anchor + (timedelta(days=count) if days else _months(count))
        return clock.replace(tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=1_024)
def _months(count: int) -> relativedelta:
    return relativedelta(months=count)


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=65_536)
def _crontab_after(expression: str, time_zone: str, moment: datetime) -> datetime | None:
    """Many subscriptions share an expression, and so their next period."""
    zone = _zone(time_zone)
    # A second earlier, since the library looks at whole seconds only.
    begin = (moment - timedelta(seconds=1)).astimezone(UTC if time_zone == "UTC" else zone)
    for found in CronSim(expression, begin):
        period = found.astimezone(UTC)
        if period > moment:
            return period
    return None
