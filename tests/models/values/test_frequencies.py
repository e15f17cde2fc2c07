"""Calendars, held against a second calculation that knows nothing of the first."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from order_factory.models.values.frequencies import Calendar, check_frequency, check_time_zone
from tests.support.calendars import MONTHS, crontab_periods, nth

ZONES = (
    "UTC",
    "Europe/Rome",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",  # its clocks are put forward by half an hour
    "Asia/Kathmandu",
    "Africa/Casablanca",
)
zones = st.sampled_from(ZONES)
moments = st.integers(0, 37 * 365 * 86_400).map(
    lambda seconds: datetime(1998, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@settings(max_examples=300)
@given(
    frequency=st.sampled_from(["hourly", "daily", "weekly", *MONTHS]),
    start=moments,
    zone=zones,
    skipped=st.integers(0, 800),
)
def test_the_periods_of_a_word_are_those_of_the_second_calculation(frequency, start, zone, skipped):
    periods = Calendar(frequency, start, zone)
    expected = [nth(frequency, start, ZoneInfo(zone), skipped + count) for count in range(5)]

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
@given(fields=fields, start=moments, zone=st.sampled_from(["UTC", "Europe/Rome"]))
def test_the_periods_of_a_crontab_are_those_that_the_clocks_show(fields, start, zone):
    frequency = check_frequency(" ".join(fields))
    until = start + timedelta(days=70)

    found = list(Calendar(frequency, start, zone).between(start - timedelta(seconds=1), until))

    assert found == sorted(crontab_periods(fields, start, until, ZoneInfo(zone)))


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
def test_months_as_a_person_counts_them(zone, start, expected):
    first = datetime.fromisoformat(f"{start}:00+00:00")

    found = islice(Calendar("monthly", first, zone).between(first, first.replace(year=2030)), 3)

    assert [f"{each:%Y-%m-%dT%H:%M}" for each in found][: len(expected)] == expected


def test_the_29th_of_february_comes_back():
    start = datetime(2024, 2, 29, tzinfo=UTC)

    found = Calendar("yearly", start).between(start, datetime(2029, 1, 1, tzinfo=UTC))

    assert [(each.year, each.day) for each in found] == [
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
def test_what_is_no_frequency_is_refused(frequency):
    with pytest.raises(ValueError, match="must"):
        check_frequency(frequency)


def test_a_frequency_is_kept_without_its_blanks():
    assert check_frequency(" 0  9 * *   MON ") == "0 9 * * MON"
    assert check_time_zone("Europe/Rome") == "Europe/Rome"


@pytest.mark.parametrize("zone", ["", "Rome", "../UTC", "Europe", "/etc/passwd"])
def test_what_is_no_time_zone_is_refused(zone):
    with pytest.raises(ValueError, match="IANA"):
        check_time_zone(zone)


def test_there_is_nothing_after_the_end_of_time():
    assert (
        Calendar("yearly", datetime(9990, 5, 1, tzinfo=UTC)).after(datetime(9999, 6, 1, tzinfo=UTC))
        is None
    )
