"""The counts of lists: exact for short lists, cached for long ones, separate for each mode."""

import pytest

from order_factory.api import counting, reading
from tests.support.shop import Shop


@pytest.fixture
def long_from(monkeypatch: pytest.MonkeyPatch):
    """Lists of so many rows count as long, and their count is remembered for a minute."""

    def set_up(rows):
        monkeypatch.setattr(counting, "_ALWAYS_COUNTED", rows - 1)
        monkeypatch.setattr(counting, "_TIMES_AS_LONG", 1e9)
        monkeypatch.setattr(reading, "_counts", counting.LongCounts())

    return set_up


def read_count(api, query=""):
    answer = api.send("GET", f"addresses?page[size]=1{query}")
    meta = answer.json()["meta"]
    return meta["record_count"], meta["page_count"]


def test_a_short_list_counts_what_was_just_stored(api, shop: Shop):
    for number in range(1, 4):
        shop.address(mode="test")
        assert read_count(api) == (number, number)


def test_the_count_of_a_long_list_is_cached(api, shop: Shop, long_from):
    long_from(2)
    shop.address(mode="test")
    shop.address(mode="test")
    assert read_count(api) == (2, 2)

    shop.address(mode="test")

    assert read_count(api) == (2, 2)
    # What the caller sees is never left out of the count.
    assert read_count(api, "&page[number]=3") == (3, 3)
    # A page that is not full says it without counting.
    assert api.get("addresses")["meta"]["record_count"] == 3


def test_the_count_of_a_long_list_is_that_of_its_mode_and_filters(api, shop: Shop, long_from):
    long_from(2)
    for city in ("Rome", "Rome", "Pisa", "Pisa", "Pisa"):
        shop.address(mode="test", city=city)
    for _ in range(4):
        shop.address(mode="live", city="Rome")

    assert read_count(api) == (5, 5)
    assert read_count(api, "&filter[q][city_eq]=Rome") == (2, 2)
    assert read_count(api, "&filter[q][city_eq]=Pisa") == (3, 3)
    assert read_count(api) == (5, 5)
