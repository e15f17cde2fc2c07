"""Recording the orders that fit a filter."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from order_factory.models.database.engine import get_engine, reading
from order_factory.models.errors import InvalidRequest, SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Event, OrderFactory, OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.selections.filters import count_undated, require_match
from tests.support.copying import find_or_record, request_copy

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def orders(shop):
    """Orders by name, each of which differs from the plain ones in one thing."""
    ada = shop.customer(email="ada@shop.example")
    shop.customer(email="bob@shop.example")
    keys = {
        "late": shop.order(placed_at=NEW_YEAR + timedelta(days=2)),
        "early": shop.order(placed_at=NEW_YEAR),
        "approved": shop.order(placed_at=NEW_YEAR + timedelta(days=3), status="approved"),
        "draft": shop.order(placed_at=None, status="draft", number=None),
        "cancelled": shop.order(placed_at=NEW_YEAR, status="cancelled"),
        "ada's": shop.order(placed_at=NEW_YEAR + timedelta(days=4), customer_id=ada),
        "market's": shop.order(placed_at=NEW_YEAR + timedelta(days=5), market_name="EU"),
        "cap's": shop.order(
            placed_at=NEW_YEAR + timedelta(days=6), lines=[("CAP", 1, 5), ("CAP", 2, 5)]
        ),
        "web's": shop.order(placed_at=NEW_YEAR + timedelta(days=7), reference="web"),
        "test's": shop.order(placed_at=NEW_YEAR, mode="test"),
    }
    copied = request_copy(keys["late"])
    keys["copy"] = shop.order(placed_at=NEW_YEAR + timedelta(days=8), order_factory_id=copied)
    return keys


PLAIN = ["early", "late", "approved", "ada's", "market's", "cap's", "web's"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, PLAIN),
        ({"include_copies": True}, [*PLAIN, "copy"]),
        ({"limit": 2}, ["early", "late"]),
        ({"status": ["draft", "cancelled"]}, ["cancelled", "draft"]),
        ({"placed_from": NEW_YEAR + timedelta(days=6)}, ["cap's", "web's"]),
        ({"placed_before": NEW_YEAR + timedelta(days=2)}, ["early"]),
        ({"placed_from": "2026-01-03", "placed_before": "2026-01-04"}, ["late"]),
        ({"customer": "ada@shop.example"}, ["ada's"]),
        ({"market": "EU"}, ["market's"]),
        ({"sku": "CAP"}, ["cap's"]),
        ({"reference": "web"}, ["web's"]),
        ({"mode": "test"}, ["test's"]),
        ({"sku": "MUG", "market": "EU", "placed_from": NEW_YEAR}, ["market's"]),
    ],
)
def test_takes_the_oldest_matching_orders_first(shop, orders, fields, expected):
    before = len(shop.rows(OrderFactory))
    order_filter = OrderFilter(**fields)
    options = CopyOptions(place_target_order=True, skip_errors=True)

    batch_id = find_or_record("night", options, orders_where=order_filter)

    batch = shop.row(OrderFactoryBatch, id=batch_id)
    factories = shop.rows(OrderFactory, batch_id=batch_id)
    names = {key: name for name, key in orders.items()}
    assert [names[row.source_order_id] for row in factories] == expected
    assert (batch.orders_count, batch.mode, batch.status) == (
        len(expected),
        order_filter.mode,
        "pending",
    )
    assert {(row.mode, row.status, row.type) for row in factories} == {
        (order_filter.mode, "pending", "order_copies")
    }
    assert {(row.place_target_order, row.reuse_wallet, row.skip_errors) for row in factories} == {
        (True, True, True)
    }
    events = [row for row in shop.rows(Event) if row.order_factory_id is not None]
    assert [row.order_factory_id for row in events][before:] == [row.id for row in factories]


def test_the_record_names_the_customer_by_its_id(shop, orders):
    ada = public_id(Resource.customers, 1)
    by_email = OrderFilter(customer="ada@shop.example")

    batch_id = find_or_record("night", CopyOptions(), orders_where=by_email)
    again = find_or_record("night", CopyOptions(), orders_where=OrderFilter(customer=ada))

    batch = shop.row(OrderFactoryBatch)
    assert again == batch_id
    assert batch.selection == (
        f"live orders with status placed or approved, of customer {ada}, copies left out"
    )
    assert batch.options["orders_where"]["customer"] == ada


def test_a_repeated_call_finds_the_same_batch_of_a_filter(shop, orders):
    first = find_or_record("night", CopyOptions(), orders_where=OrderFilter())
    shop.order()

    again = find_or_record("night", CopyOptions(), orders_where=OrderFilter())

    assert again == first
    assert len(shop.rows(OrderFactory, batch_id=first)) == len(PLAIN)


@pytest.mark.parametrize(
    ("fields", "options"), [({"limit": 3}, {}), ({}, {"skip_errors": True})], ids=str
)
def test_another_request_under_its_reference_is_refused(shop, orders, fields, options):
    find_or_record("night", CopyOptions(), orders_where=OrderFilter())

    with pytest.raises(
        InvalidRequest, match="'night' was recorded (for another selection|with other options)"
    ):
        find_or_record("night", CopyOptions(**options), orders_where=OrderFilter(**fields))

    assert len(shop.rows(OrderFactoryBatch)) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"market": "MARS"}, "no order matches: live orders with status placed or approved, of"),
        ({"customer": "bob@shop.example"}, "no order matches: live orders with status placed or"),
        ({"customer": "eve@shop.example"}, "no customer of live mode has this email or public id"),
        ({"customer": "ada@shop.example", "mode": "test"}, "no customer of test mode has this"),
    ],
)
def test_a_selection_without_matches_writes_nothing(shop, orders, fields, message):
    events = len(shop.rows(Event))

    with pytest.raises(SelectionInvalid) as raised:
        find_or_record("night", CopyOptions(), orders_where=OrderFilter(**fields))

    assert message in str(raised.value)
    assert "@" not in str(raised.value)
    assert (shop.rows(OrderFactoryBatch), len(shop.rows(Event))) == ([], events)


def test_the_number_of_statements_does_not_grow_with_the_orders(shop, orders):
    statements: list[str] = []
    counts = []
    event.listen(get_engine(), "before_cursor_execute", lambda *given: statements.append(given[2]))

    for limit in (1, 7):
        statements.clear()
        find_or_record(f"night {limit}", CopyOptions(), orders_where=OrderFilter(limit=limit))
        counts.append(len(statements))

    assert counts[0] < 20
    assert counts == [counts[0]] * 2


def test_only_one_selection_may_be_given(shop):
    with pytest.raises(InvalidRequest) as raised:
        find_or_record("night", CopyOptions(), ["A1"], OrderFilter())

    assert str(raised.value) == (
        "Give only one of orders, orders_where, failed_of; not orders and orders_where."
    )


def test_relative_dates_count_from_now(shop):
    now = utc_now()
    new = shop.order(placed_at=now - timedelta(hours=23))
    older = shop.order(placed_at=now - timedelta(hours=25))
    shop.order(placed_at=now - timedelta(days=8))
    shop.order(placed_at=None)

    for reference, within in (("day", "24 hours"), ("week", "1w")):
        order_filter = OrderFilter(placed_within=within)
        find_or_record(reference, CopyOptions(), orders_where=order_filter)

    batches = {row.id: row.reference for row in shop.rows(OrderFactoryBatch)}
    copied = [(batches[row.batch_id], row.source_order_id) for row in shop.rows(OrderFactory)]
    assert copied == [("day", new), ("week", older), ("week", new)]


def test_orders_that_have_a_copy_are_left_out_on_request(shop):
    orders = {
        (status, target): shop.order(placed_at=NEW_YEAR)
        for status, target in (
            ("completed", True),
            ("pending", False),
            ("in_progress", False),
            ("failed", True),
            ("failed", False),
            ("aborted", False),
        )
    }
    fresh = shop.order(placed_at=NEW_YEAR)
    for (status, has_target), order in orders.items():
        target = shop.order(status="pending") if has_target else None
        shop.add(OrderFactory, source_order_id=order, status=status, target_order_id=target)
    known = {row.id for row in shop.rows(OrderFactory)}

    order_filter = OrderFilter(not_copied_yet=True)
    find_or_record("night", CopyOptions(), orders_where=order_filter)

    copied = [row.source_order_id for row in shop.rows(OrderFactory) if row.id not in known]
    assert copied == [orders["failed", False], orders["aborted", False], fresh]


@pytest.mark.parametrize(
    "given", ["", "24", "hours", "-1 day", "0 days", "999999 weeks", "1 month"]
)
def test_an_invalid_duration_is_refused(given):
    with pytest.raises(ValueError, match=r"such as 24 hours|at least 1 character"):
        OrderFilter(placed_within=given)


def test_placed_orders_without_a_time_of_placing_are_counted(shop):
    for _ in range(3):
        shop.order(placed_at=None)
    shop.order(placed_at=None, mode="test", customer_id=shop.customer(mode="test"))

    with reading() as db:
        assert count_undated(db, OrderFilter()) == 0
        assert count_undated(db, OrderFilter(placed_from=NEW_YEAR)) == 3
        with pytest.raises(SelectionInvalid, match="3 other orders have no placed_at"):
            require_match(db, OrderFilter(placed_before=NEW_YEAR))
