"""The periods of a frequency once more, calculated in another way than by `order_factory.models.values.frequencies`."""

import calendar
from datetime import UTC, timedelta
from functools import cache

MONTHS = {
    "monthly": 1,
    "two-month": 2,
    "three-month": 3,
    "four-month": 4,
    "six-month": 6,
    "yearly": 12,
}


def instant(clock, zone):
    """The first moment at which the clocks show this; where they skip it, as much later.

    Looked for among all moments a day around, by what the clocks show then.
    """
    around = clock.replace(tzinfo=UTC)
    offsets = {
        (around + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in (-26, 0, 26)
    }
    if len(offsets) == 1:
        return around - offsets.pop()
    candidates = sorted(around - offset for offset in offsets)
    shown = [each for each in candidates if each.astimezone(zone).replace(tzinfo=None) == clock]
    if shown:
        return shown[0]
    before = (around - timedelta(hours=26)).astimezone(zone).utcoffset()
    return around - before


def counted(frequency):
    """How many days or months a period of a word, or of `every N weeks`, has."""
    if frequency in ("daily", "weekly"):
        return {"daily": 1, "weekly": 7}[frequency], "days"
    if frequency in MONTHS:
        return MONTHS[frequency], "months"
    _, count, unit = frequency.split()
    return int(count) * (7 if unit == "weeks" else 1), "months" if unit == "months" else "days"


def nth(frequency, start, zone, count):
    """The period with this number, counted from 0."""
    if frequency == "hourly":
        return start + timedelta(hours=count)
    if not count:
        return start
    local = start.astimezone(zone).replace(tzinfo=None)
    every, unit = counted(frequency)
    if unit == "days":
        return instant(local + timedelta(days=count * every), zone)
    months = local.year * 12 + local.month - 1 + count * every
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return instant(local.replace(year=year, month=month + 1, day=min(local.day, last)), zone)


@cache  # a year asks 9,000 times
def members(field, every):
    """The numbers that a field of a crontab names."""
    found = set()
    for part in field.replace("SUN", "0").split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        whole = list(every) if span == "*" else list(range(int(first), int(last or first) + 1))
        found.update(whole[:: int(step or 1)])
    return found


def fits(fields, shown):
    minute, hour, day, month, weekday = fields
    days = shown.day in members(day, range(1, 32))
    weekdays = shown.isoweekday() % 7 in members(weekday, range(7))
    either = day.startswith("*") or weekday.startswith("*")
    return (
        shown.minute in members(minute, range(60))
        and shown.hour in members(hour, range(24))
        and shown.month in members(month, range(1, 13))
        and ((days and weekdays) if either else (days or weekdays))
    )


def crontab_periods(fields, start, until, zone):
    """Each moment at which the clocks show such a time, gone through by the hour.

    A time comes once where the clocks show it twice, the first time; one that they skip comes at
    the end of what they skip. What stands in the hour field makes no difference.
    """
    minute = int(fields[0])
    found = set()
    clock = (start - timedelta(days=2)).replace(tzinfo=None, minute=minute, second=0, microsecond=0)
    while clock <= until.replace(tzinfo=None) + timedelta(days=2):
        if fits(fields, clock):
            moment = instant(clock, zone)
            if moment.astimezone(zone).replace(tzinfo=None) != clock:
                moment = end_of_gap(clock, zone)
            found.add(moment)
        clock += timedelta(hours=1)
    return {moment for moment in found if start <= moment <= until}


def end_of_gap(clock, zone):
    """The first whole minute at which the clocks show a later time, having skipped this one."""
    moment = clock.replace(tzinfo=UTC) - timedelta(hours=40)
    while moment.astimezone(zone).replace(tzinfo=None) < clock:
        moment += timedelta(minutes=1)
    return moment
