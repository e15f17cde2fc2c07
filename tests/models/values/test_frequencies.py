"""Calendars, held against a second calculation that knows nothing of the first."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from order_factory.models.values.frequencies import Calendar, check_frequency, check_time_zone
from tests.support.calendars import MONTHS, compute_period, list_crontab_periods

ZONES = (
    "UTC",
    "Europe/Rome",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",  # its clocks are put forward by half an hour
    "Asia/Kathmandu",
    "Africa/Casablanca",
)
# Fifteen zones with different changes of their clocks: by an hour, by half an hour, by a day, at
# midnight, at noon, on another day of the year, in Ramadan, or no change.
CHANGED = (
    ("Europe/Rome", 2027),
    ("Europe/London", 2027),
    ("Europe/Dublin", 2027),
    ("America/New_York", 2027),
    ("America/Havana", 2027),
    ("America/Santiago", 2027),
    ("America/Sao_Paulo", 2018),
    ("America/St_Johns", 2010),
    ("Australia/Lord_Howe", 2027),
    ("Australia/Sydney", 2027),
    ("Pacific/Apia", 2011),
    ("Pacific/Chatham", 2027),
    ("Africa/Casablanca", 2027),
    ("Asia/Beirut", 2027),
    ("Asia/Kathmandu", 2027),
)
COUNTED = ("every 2 weeks", "every 10 days", "every 45 days", "every 5 months", "every 1 months")
zones = st.sampled_from(ZONES)
moments = st.integers(0, 37 * 365 * 86_400).map(
    lambda seconds: datetime(1998, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@settings(max_examples=300)
@given(
    frequency=st.sampled_from(["hourly", "daily", "weekly", *MONTHS, *COUNTED]),
    start=moments,
    zone=zones,
    skipped=st.integers(0, 800),
)
def test_the_periods_of_a_frequency_match_a_second_calculation(frequency, start, zone, skipped):
    periods = Calendar(frequency, start, zone)
    expected = [
        compute_period(frequency, start, ZoneInfo(zone), skipped + count) for count in range(5)
    ]

    # From a moment before each, at it, and from the one before.
    assert periods.after(expected[0] - timedelta(seconds=1)) == expected[0]
    assert list(islice(periods.between(expected[0], expected[-1]), 9)) == expected[1:]


fields = st.tuples(
    st.integers(0, 59).map(str),
    st.one_of(
        st.just("*"), st.sampled_from(["2", "1,2,3", "*/6", "0-23/2"]), st.integers(0, 23).map(str)
    ),
    st.one_of(st.just("*"), st.sampled_from(["1", "31", "15,30", "28-31"])),
    st.one_of(st.just("*"), st.sampled_from(["3", "10", "2,3,10,11"])),
    st.one_of(st.just("*"), st.sampled_from(["0", "1-5", "SUN"])),
).filter(lambda each: each[2] == "*" or each[3] == "*" or each[2] in ("1", "15,30"))


@settings(max_examples=120, deadline=None)
@given(fields=fields, start=moments, zone=zones)
def test_the_periods_of_a_crontab_match_local_times(fields, start, zone):
    frequency = check_frequency(" ".join(fields))
    end = start + timedelta(days=70)

    periods = list(Calendar(frequency, start, zone).between(start - timedelta(seconds=1), end))

    assert periods == sorted(list_crontab_periods(fields, start, end, ZoneInfo(zone)))


@pytest.mark.parametrize(("zone", "year"), CHANGED)
@pytest.mark.parametrize("hours", ["*", "*/2", "1-23/2", "*/6", "*/12", "2", "0,1,2,3"])
def test_equal_hour_fields_give_the_same_periods(zone, year, hours):
    fields = ("15" if zone == "Australia/Lord_Howe" else "30", hours, "*", "*", "*")
    first = datetime(year, 1, 1, tzinfo=UTC)
    end = datetime(year + 1, 1, 1, tzinfo=UTC)

    periods = list(Calendar(" ".join(fields), first, zone).between(first, end))

    expected = list_crontab_periods(fields, first + timedelta(seconds=1), end, ZoneInfo(zone))
    assert periods == sorted(expected)


@pytest.mark.parametrize(
    ("zone", "frequency", "begin", "expected"),
    [
        # 02:30 is shown twice, and comes once.
        ("Europe/Rome", "30 */2 * * *", "2027-10-31T00:00", ["00:30", "03:30", "05:30"]),
        # 02:30 is skipped, and counts at the end of the gap: 03:00 in Rome.
        ("Europe/Rome", "30 */2 * * *", "2027-03-28T00:00", ["01:00", "02:30", "04:30"]),
        # 00:00 is skipped in Havana.
        ("America/Havana", "0 */12 * * *", "2027-03-14T04:30", ["05:00", "16:00", "04:00"]),
        # 06:00 is skipped by no clock, though half an hour is in the same night.
        ("Australia/Lord_Howe", "0 */6 * * *", "2027-10-02T14:00", ["19:00", "01:00", "07:00"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2027-10-02T14:00", ["15:30", "15:15"]),
        # Every hour: what is shown twice comes once, what is skipped does not come twice.
        ("Europe/Rome", "0 * * * *", "2027-10-30T23:30", ["00:00", "02:00", "03:00"]),
        ("Europe/Rome", "0 * * * *", "2027-03-27T23:30", ["00:00", "01:00", "02:00"]),
        # A whole day is skipped in Samoa.
        ("Pacific/Apia", "0 9 * * *", "2011-12-29T18:00", ["19:00", "10:00", "19:00"]),
    ],
)
def test_crontabs_on_the_days_on_which_clocks_change(zone, frequency, begin, expected):
    first = datetime.fromisoformat(f"{begin}:00+00:00")
    starts_at = first - timedelta(days=9)

    periods = islice(
        Calendar(frequency, starts_at, zone).between(first, first.replace(year=2030)), 3
    )

    assert [f"{each:%H:%M}" for each in periods][: len(expected)] == expected


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        # 31 January: the last day of shorter months, and then the 31st again.
        ("UTC", "2028-01-31T09:00", ["2028-02-29T09:00", "2028-03-31T09:00", "2028-04-30T09:00"]),
        # 02:30 in the night in which Rome's clocks skip it, and a month later.
        ("Europe/Rome", "2026-02-28T01:30", ["2026-03-28T01:30", "2026-04-28T00:30"]),
        ("Europe/Rome", "2026-01-29T01:30", ["2026-02-28T01:30", "2026-03-29T01:30"]),
        # 02:30 in the night in which they show it twice: the first of the two.
        ("Europe/Rome", "2026-09-25T00:30", ["2026-10-25T00:30", "2026-11-25T01:30"]),
    ],
)
def test_months_are_counted_from_the_start(zone, start, expected):
    first = datetime.fromisoformat(f"{start}:00+00:00")

    periods = islice(Calendar("monthly", first, zone).between(first, first.replace(year=2030)), 3)

    assert [f"{each:%Y-%m-%dT%H:%M}" for each in periods][: len(expected)] == expected


def test_a_subscription_returns_to_the_29th_of_february():
    start = datetime(2024, 2, 29, tzinfo=UTC)

    periods = Calendar("yearly", start).between(start, datetime(2029, 1, 1, tzinfo=UTC))

    assert [(each.year, each.day) for each in periods] == [
        (2025, 28),
        (2026, 28),
        (2027, 28),
        (2028, 29),
    ]


@pytest.mark.parametrize(
    "frequency",
    [
        "",
        "fortnightly",
        "* * * * *",
        "0,30 9 * * *",
        "*/20 * * * *",
        "0 0 31 2 *",
        "0 0 1 1",
        "0 0 0 1 1 *",
        "61 * * * *",
        "0 9 * * *" + " " * 200 + "x",
    ],
)
def test_an_invalid_frequency_is_refused(frequency):
    with pytest.raises(ValueError, match="must"):
        check_frequency(frequency)


@pytest.mark.parametrize(
    ("frequency", "instead"),
    [
        ("0 9 */14 * *", "names the days of the month 1,15,29. Write every 14 days"),
        ("0 9 1/10 * *", "names the days of the month 1,11,21,31. Write every 10 days"),
        ("0 9 1-31/2 * 1", "Write every 2 days"),
        ("0 9 * * */2", "each week, so it names the days of the week 0,2,4,6. Write every 2 days"),
        ("0 9 1 */5 *", "each year, so it names the months 1,6,11. Write every 5 months"),
    ],
)
def test_a_crontab_step_that_restarts_early_is_refused_with_an_explanation(frequency, instead):
    with pytest.raises(ValueError, match="must not have the step") as refused:
        check_frequency(frequency)

    assert instead in str(refused.value)


@pytest.mark.parametrize(
    "frequency", ["0 9 1,15,29 * *", "0 9 1-15/7 * *", "0 9 1 */3 *", "0 */5 * * *", "0 9 L * MON"]
)
def test_unambiguous_crontab_steps_are_accepted(frequency):
    assert check_frequency(frequency) == frequency


@pytest.mark.parametrize(
    ("text", "frequency"),
    [
        ("every 2 weeks", "every 2 weeks"),
        ("Every  1 Month", "every 1 months"),
        ("every 45 days", "every 45 days"),
        ("every 3660 days", "every 3660 days"),
    ],
)
def test_a_number_of_days_weeks_or_months_is_understood(text, frequency):
    assert check_frequency(text) == frequency


@pytest.mark.parametrize(
    "frequency",
    ["every 0 days", "every 3661 days", "every 523 weeks", "every 121 months", "every -1 days"],
)
def test_too_few_and_too_many_are_refused(frequency):
    with pytest.raises(ValueError, match="must be"):
        check_frequency(frequency)


def test_a_frequency_is_stored_without_extra_spaces():
    assert check_frequency(" 0  9 * *   MON ") == "0 9 * * MON"
    assert check_time_zone("Europe/Rome") == "Europe/Rome"


@pytest.mark.parametrize("zone", ["", "Rome", "../UTC", "Europe", "/etc/passwd"])
def test_an_unknown_time_zone_is_refused(zone):
    with pytest.raises(ValueError, match="IANA"):
        check_time_zone(zone)


def test_there_is_no_period_after_the_year_9999():
    assert (
        Calendar("yearly", datetime(9990, 5, 1, tzinfo=UTC)).after(datetime(9999, 6, 1, tzinfo=UTC))
        is None
    )
