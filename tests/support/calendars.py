"""The periods of a frequency, to compare with `order_factory.models.values.frequencies`.

They are calculated in another way than there.
"""

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


def find_moment(clock, zone):
    """The first moment at which the clocks show this time. If they skip it, as much later.

    The moment is searched among the offsets that the zone has within a day.
    """
    around = clock.replace(tzinfo=UTC)
    offsets = {
        (around + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in (-26, 0, 26)
    }
    if len(offsets) == 1:
        return around - offsets.pop()
    candidates = sorted(around - offset for offset in offsets)
    matching = [each for each in candidates if each.astimezone(zone).replace(tzinfo=None) == clock]
    if matching:
        return matching[0]
    before = (around - timedelta(hours=26)).astimezone(zone).utcoffset()
    return around - before


def parse_frequency(frequency):
    """The length of a period, and its unit: days or months."""
    if frequency in ("daily", "weekly"):
        return {"daily": 1, "weekly": 7}[frequency], "days"
    if frequency in MONTHS:
        return MONTHS[frequency], "months"
    _, count, unit = frequency.split()
    return int(count) * (7 if unit == "weeks" else 1), "months" if unit == "months" else "days"


def compute_period(frequency, start, zone, count):
    """The period with this number, counted from 0."""
    if frequency == "hourly":
        return start + timedelta(hours=count)
    if not count:
        return start
    local = start.astimezone(zone).replace(tzinfo=None)
    every, unit = parse_frequency(frequency)
    if unit == "days":
        return find_moment(local + timedelta(days=count * every), zone)
    months = local.year * 12 + local.month - 1 + count * every
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return find_moment(local.replace(year=year, month=month + 1, day=min(local.day, last)), zone)


@cache  # a year asks 9,000 times
def expand_field(field, every):
    """The numbers in a field of a crontab."""
    numbers = set()
    for part in field.replace("SUN", "0").split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        whole = list(every) if span == "*" else list(range(int(first), int(last or first) + 1))
        numbers.update(whole[:: int(step or 1)])
    return numbers


def matches_fields(fields, shown):
    minute, hour, day, month, weekday = fields
    days = shown.day in expand_field(day, range(1, 32))
    weekdays = shown.isoweekday() % 7 in expand_field(weekday, range(7))
    either = day.startswith("*") or weekday.startswith("*")
    return (
        shown.minute in expand_field(minute, range(60))
        and shown.hour in expand_field(hour, range(24))
        and shown.month in expand_field(month, range(1, 13))
        and ((days and weekdays) if either else (days or weekdays))
    )


def list_crontab_periods(fields, start, end, zone):
    """The moments at which the clocks show a time of the crontab. Each hour is tried.

    If the clocks show a time twice, the first moment counts. If they skip a time, the end of the
    gap counts. This holds for every hour field.
    """
    minute = int(fields[0])
    moments = set()
    clock = (start - timedelta(days=2)).replace(tzinfo=None, minute=minute, second=0, microsecond=0)
    while clock <= end.replace(tzinfo=None) + timedelta(days=2):
        if matches_fields(fields, clock):
            moment = find_moment(clock, zone)
            if moment.astimezone(zone).replace(tzinfo=None) != clock:
                moment = find_end_of_gap(clock, zone)
            moments.add(moment)
        clock += timedelta(hours=1)
    return {moment for moment in moments if start <= moment <= end}


def find_end_of_gap(clock, zone):
    """The first whole minute after the gap in which the clocks skip this time."""
    moment = clock.replace(tzinfo=UTC) - timedelta(hours=40)
    while moment.astimezone(zone).replace(tzinfo=None) < clock:
        moment += timedelta(minutes=1)
    return moment
