"""What a query may cost: its work is bounded, leaves nothing in memory, and no number breaks it."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, text, update

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import begin, get_engine
from order_factory.models.tables import Order, OrderFactory
from order_factory.tasks.working_set.statements import table_of
from tests.support.api_client import Api, make_order_id
from tests.support.copying import change, request_copy


def test_the_work_of_filters_is_bounded(api):
    twenty = "_or_".join(["reference"] * 20)
    far = "order_copies_source_order_order_copies_source_order_customer_reference"
    cases = [
        ({f"{twenty}_cont_any": ",".join(["a"] * 11)}, "patterns"),
        ({f"{twenty}_in": ",".join(["a"] * 251)}, "values"),
        ({"_or_".join([far] * 18) + "_eq": "a"}, "attributes and relationships"),
        (
            {f"{twenty}_{m}": "a" for m in ("eq", "cont", "start", "end", "matches", "in")},
            "attributes and relationships",
        ),
        ({"created_at_in": ",".join(["2026-01-01T00:00:00Z"] * 201)}, "times"),
    ]
    for predicates, message in cases:
        params = {f"filter[q][{name}]": value for name, value in predicates.items()}

        response = api.send("GET", "orders", params=params)

        assert response.status_code == 400, predicates
        (error,) = response.json()["errors"]
        assert error["code"] == "FILTER_NOT_ALLOWED"
        assert message in error["detail"]


def test_many_values_are_found_in_one_query(api, shop):
    matching = shop.order(mode="test", reference="a1")
    shop.order(mode="test", reference="b")
    values = ",".join(f"a{n}" for n in range(1_500))
    times = ",".join(f"2026-01-01T00:00:00.{n:03}Z" for n in range(200))

    for name in ("reference_in", "reference_eq_any", "reference_or_coupon_code_in"):
        assert api.list_ids("orders", **{name: values}) == [make_order_id(matching)]
    assert len(api.list_ids("orders", reference_gt_any=values)) == 2
    assert api.list_ids("orders", reference_not_eq_all=values + ",b") == []
    assert api.list_ids("orders", created_at_in=times) == []
    assert api.list_ids("orders", reference_cont_any=",".join(["a", "x"] * 100)) == [
        make_order_id(matching)
    ]


@pytest.mark.parametrize("order", ["id", "created_at DESC, id DESC"])
@pytest.mark.parametrize("table", ["orders", "order_factories"])
def test_neither_the_first_nor_the_newest_of_a_list_need_sorting(shop, table, order):
    for _ in range(3):
        request_copy(shop.order(mode="test"))
    page = f"SELECT * FROM {table} WHERE mode = 'test' ORDER BY {order} LIMIT 25"

    with begin() as db:
        if on_sqlite(db):
            plan = db.execute(text(f"EXPLAIN QUERY PLAN {page}")).all()
        else:
            db.execute(text("SET LOCAL enable_seqscan = off"))  # the table is small
            plan = db.execute(text(f"EXPLAIN {page}")).all()

    assert "TEMP B-TREE" not in str(plan), "SQLite sorts"
    assert "Sort" not in str(plan), "PostgreSQL sorts"


def test_of_the_same_time_the_last_is_listed_first(api, shop):
    same = {"created_at": datetime(2026, 1, 1, tzinfo=UTC), "mode": "test"}
    first, second = shop.order(**same), shop.order(**same)

    newest = api.get("orders", sort="-created_at")["data"]
    oldest = api.get("orders", sort="created_at")["data"]

    assert [each["id"] for each in newest] == [make_order_id(second), make_order_id(first)]
    assert newest == oldest[::-1]


def test_values_do_not_create_new_cached_statements(api, shop):
    shop.order(mode="test", reference="a")

    def count_cached():
        return len(get_engine()._compiled_cache or {})

    api.list_ids("orders", reference_in="a")
    before = count_cached()
    for count in range(1, 15):
        values = ",".join(f"x{n}" for n in range(count)) + ",a"
        lists = [
            api.list_ids("orders", **{f"reference_{matcher}": values})
            for matcher in ("in", "cont_any", "start_any")
        ]
        assert [len(each) for each in lists] == [1, 1, 1]

    assert count_cached() == before


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_the_time_limit_includes_time_in_python(shop, configure):
    """On SQLite Python compares the lists in metadata, element by element."""
    configure.setenv("ORDER_FACTORY_API_QUERY_SECONDS", "0.3")
    shop.order(mode="test", metadata={"a": list(range(150_000))})
    value = json.dumps({"a": list(range(30_000, 31_400))}, separators=(",", ":"))

    with Api.connect() as api:
        stopped = api.send("GET", "orders", params={"filter[q][metadata_jcont]": value})
        after = api.send("GET", "orders")

    assert stopped.json()["errors"][0]["code"] == "QUERY_TOO_LONG"
    assert after.status_code == 200


NUMBERS = [0, -1, 2**15, 2**31, 103_052, 10**17, -(10**18 - 1), 10**18 - 1]


@pytest.mark.parametrize("matcher", ["eq", "not_eq", "lt", "gteq_any", "in", "not_in_or_null"])
def test_no_integer_is_too_wide_for_its_column(api, shop, matcher):
    key = request_copy(shop.order(mode="test"))
    change(OrderFactory, key, type="recurring_order_copies", attempt=1)

    for name in ("attempt", "errors_count"):
        for number in NUMBERS:
            api.list_ids("recurring_order_copies", **{f"{name}_{matcher}": number})
    values = ",".join(map(str, [*NUMBERS, 1]))
    assert len(api.list_ids("recurring_order_copies", attempt_in=values)) == 1
    response = api.send(
        "GET", "recurring_order_copies", params={"filter[q][attempt_eq]": str(10**18)}
    )
    assert "at most 18 digits" in response.json()["errors"][0]["detail"]


def test_a_filter_finds_a_time_in_the_shown_format(api, shop):
    key = shop.order(mode="test")
    for fraction in (0, 1, 999, 1_000, 123_456, 999_999):
        change(Order, key, placed_at=datetime(2026, 1, 1, 12, microsecond=fraction, tzinfo=UTC))
        shown = api.get(f"orders/{make_order_id(key)}")["data"]["attributes"]["placed_at"]

        for matcher in ("eq", "lteq", "gteq", "in", "eq_any", "eq_all", "lteq_all", "gteq_any"):
            assert api.list_ids("orders", **{f"placed_at_{matcher}": shown}), (matcher, shown)
        for matcher in ("not_eq", "lt", "gt", "not_in", "not_eq_all", "lt_any", "gt_all"):
            assert not api.list_ids("orders", **{f"placed_at_{matcher}": shown}), (matcher, shown)
    for far in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"):
        assert len(api.list_ids("orders", placed_at_not_eq=far)) == 1


def test_a_filter_finds_a_time_that_the_database_set(api, shop):
    """SQLite's own clock gives times without a fraction."""
    key = shop.order(mode="test")
    with begin() as db:
        db.execute(update(table_of(Order)).values(placed_at=func.current_timestamp()))
    shown = api.get(f"orders/{make_order_id(key)}")["data"]["attributes"]["placed_at"]

    assert api.list_ids("orders", placed_at_eq=shown) == [make_order_id(key)]
    assert api.list_ids("orders", placed_at_gt=shown) == []
    assert api.list_ids("orders", placed_at_gteq=shown) == [make_order_id(key)]


LONG = 123_456_789_012_345_678_901_234_567_890


@pytest.mark.parametrize("number", [LONG, -LONG, 2**63, 2**64 - 1, 2**64, -(2**63) - 1])
def test_an_integer_beyond_64_bits_in_metadata_is_refused(api, shop, number):
    name = make_order_id(shop.order(mode="test", metadata={"n": 1}))
    data = {"type": "orders", "id": name, "attributes": {"metadata": {"n": number}}}

    refused = api.patch(f"orders/{name}", data, expect=422)

    assert refused["errors"][0]["source"] == {"pointer": "/data/attributes/metadata"}
    assert api.get(f"orders/{name}")["data"]["attributes"]["metadata"] == {"n": 1}
