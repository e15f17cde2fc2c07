"""The values that a filter of orders accepts, and its description."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from order_factory.models.requests.order_filters import OrderFilter


@pytest.mark.parametrize(
    "given",
    [
        "2026-01-31",
        date(2026, 1, 31),
        "2026-01-31T00:00:00",
        "2026-01-31T00:00:00Z",
        "2026-01-31T02:00:00+02:00",
        datetime(2026, 1, 31, 2, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_a_time_becomes_utc(given):
    assert OrderFilter(placed_from=given).placed_from == datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        {"placed_from": 20260131},
        {"placed_from": "20260131"},
        {"placed_before": "2026-02-30"},
        {"placed_before": "0001-01-01T00:00:00+14:00"},
        {"placed_from": "2026-01-31", "placed_before": "2026-01-31"},
        {"status": []},
        {"status": ["lost"]},
        {"limit": 0},
        {"market": ""},
        {"sku": "a\x00"},
        {"number": "A1"},
    ],
)
def test_wrong_requests_are_refused(given):
    with pytest.raises(ValidationError):
        OrderFilter(**given)


def test_a_filter_describes_what_it_selects():
    order_filter = OrderFilter(
        customer="XWRdMrlSkJ",
        placed_from=datetime(2026, 1, 1, tzinfo=UTC),
        placed_before=datetime(2026, 2, 1, 12, tzinfo=UTC),
        market="EU",
        sku="MUG",
        reference="web",
        limit=5,
    )

    assert order_filter.in_words() == (
        "live orders with status placed or approved, of customer XWRdMrlSkJ, placed from "
        "2026-01-01 00:00:00 UTC, placed before 2026-02-01 12:00:00 UTC, of market 'EU', with SKU "
        "'MUG', with reference 'web', copies left out, the earliest 5"
    )


def test_every_field_has_a_title_and_a_description_for_the_form():
    schema = OrderFilter.model_json_schema()

    assert [
        name
        for name, message in schema["properties"].items()
        if not (message.get("title") and message.get("description"))
    ] == []
    placed_from = schema["properties"]["placed_from"]
    assert (placed_from["format"], placed_from["type"]) == ("date-time", "string")
    assert schema["$defs"]["OrderStatus"]["enum"][4] == "placed"
