"""The differences between a copy and its source order, also in a dry run."""

from order_factory.models.tables import Order, OrderFactory, StockItem
from tests.support.api_client import make_linkage, make_order_id
from tests.support.copying import change, read_database
from tests.support.draining import drain


def short_order(shop):
    """An order of which one line cannot be copied any more."""
    order = shop.order_of_test_mode(lines=[("MUG", 2, 12_50), ("RARE", 5, 1_00)])
    change(StockItem, shop.rows(StockItem)[-1].id, quantity=3)
    return order


def summarize(differences):
    return [
        (each["part"], each["what"], each["before"], each["after"], each["reason"])
        for each in differences
    ]


LEFT_OUT = [
    ("line_items", "RARE", 5, None, "SKU RARE: 5 wanted, 3 in stock"),
    ("totals", "subtotal_amount_cents", 30_00, 25_00, None),
    ("totals", "total_amount_cents", 30_00, 25_00, None),
    ("totals", "total_amount_with_taxes_cents", 30_00, 25_00, None),
]


def test_omitted_parts_are_reported_with_the_reason(api, shop):
    made = api.copy(make_order_id(short_order(shop)), skip_errors=True)["data"]["id"]
    drain()

    data = api.get(f"order_factories/{made}/differences")["data"]

    assert summarize(data["attributes"]["differences"]) == LEFT_OUT
    assert api.get(f"order_copies/{made}/differences")["data"]["attributes"] == data["attributes"]


def test_an_exact_copy_and_a_failed_copy_have_no_differences(api, shop):
    good = api.copy(make_order_id(shop.order_of_test_mode()))["data"]["id"]
    bad = api.copy(make_order_id(short_order(shop)))["data"]["id"]
    drain()

    assert api.get(f"order_copies/{good}/differences")["data"]["attributes"] == {"differences": []}
    assert api.get(f"order_copies/{bad}/differences")["data"]["attributes"] == {"differences": None}
    api.get("order_copies/nonsensical/differences", expect=404)


def test_differences_of_todays_prices_name_the_option(api, shop):
    order = shop.order_of_test_mode(lines=[("MUG", 2, 12_50)])
    shop.price("MUG", 10_00, mode="test")
    made = api.copy(make_order_id(order), refresh_prices=True)["data"]["id"]
    drain()

    data = api.get(f"order_copies/{made}/differences")["data"]["attributes"]["differences"]

    assert ("prices", "MUG: unit_amount_cents", 12_50, 10_00, "refresh_prices") in summarize(data)


def test_a_dry_run_answers_with_the_copy_and_changes_nothing(api, shop):
    order = make_order_id(short_order(shop))
    data = {
        "type": "order_copies",
        "attributes": {"skip_errors": True},
        "relationships": {"source_order": make_linkage("orders", order)},
    }
    before = read_database()

    answer = api.post("order_copies?dry_run=true&include=target_order.line_items", data, 200)
    again = api.post("order_copies?dry_run=true", data, 200)

    attributes = answer["data"]["attributes"]
    assert (attributes["status"], attributes["errors_count"]) == ("completed", 1)
    assert answer["meta"]["dry_run"] is True
    assert summarize(answer["meta"]["differences"]) == LEFT_OUT
    assert summarize(again["meta"]["differences"]) == LEFT_OUT
    lines = [each for each in answer["included"] if each["type"] == "line_items"]
    assert [each["attributes"]["sku_code"] for each in lines] == ["MUG"]
    assert read_database() == before
    assert shop.rows(OrderFactory) == []


def test_a_dry_run_that_would_fail_says_so(api, shop):
    order = make_order_id(short_order(shop))
    data = {
        "type": "order_copies",
        "relationships": {"source_order": make_linkage("orders", order)},
    }

    answer = api.post("order_copies?dry_run=true", data, 200)

    assert answer["data"]["attributes"]["status"] == "failed"
    assert answer["meta"]["differences"] is None
    assert len(shop.rows(Order)) == 1
    api.post("order_copies?dry_run=yes", data, 400)
