"""Prices, the lines that take them, and the computed attributes of an order."""

import pytest

from order_factory.api.resources.registry import RESOURCES
from order_factory.models.tables import OrderFactory, Transaction
from order_factory.models.values.public_ids import public_id
from tests.support.api_client import make_linkage, make_order_id


@pytest.fixture
def add_line(api):
    def add(order, expect=201, **attributes):
        relationships = {"order": make_linkage("orders", make_order_id(order))}
        data = {"type": "line_items", "attributes": attributes, "relationships": relationships}
        return api.post("line_items", data, expect)

    return add


def test_a_line_without_a_price_gets_the_price_of_its_sku(api, shop, add_line):
    order = shop.order(mode="test", status="draft")
    shop.price("MUG", 12_50, mode="test")
    shop.price("MUG", 99_00, mode="live")
    shop.price("MUG", 15_00, "USD", mode="test")

    line = add_line(order, sku_code="MUG", quantity=2)["data"]["attributes"]

    assert (line["unit_amount_cents"], line["total_amount_cents"]) == (12_50, 25_00)
    given = add_line(order, sku_code="MUG", quantity=1, unit_amount_cents=0)
    assert given["data"]["attributes"]["unit_amount_cents"] == 0


def test_a_line_without_any_price_is_refused_by_name(api, shop, add_line):
    order = shop.order(mode="test", status="draft")
    shop.price("CAP", 15_00, "USD", mode="test")
    shop.price("CAP", 9_00, mode="live")
    before = api.get("line_items")["meta"]["record_count"]

    for attributes in (
        {"sku_code": "CAP", "quantity": 1},
        {"item_type": "shipments", "quantity": 1},
        {"sku_code": "CAP", "quantity": 1, "unit_amount_cents": None},
    ):
        (error,) = add_line(order, 422, **attributes)["errors"]
        assert error["source"] == {"pointer": "/data/attributes/unit_amount_cents"}
    assert api.get("line_items")["meta"]["record_count"] == before


def test_prices_are_visible_in_their_own_mode_only(api, shop):
    key = shop.price("MUG", 12_50, mode="test", compare_at_amount_cents=15_00)
    hidden = shop.price("MUG", 99_00, mode="live")

    (price,) = api.get("prices", include="sku")["data"]
    assert price["id"] == public_id(RESOURCES["prices"].ids, key)
    assert price["attributes"]["formatted_amount"] == "€12,50"
    assert price["attributes"]["compare_at_amount_float"] == 15.0
    api.get(f"prices/{public_id(RESOURCES['prices'].ids, hidden)}", 404)
    (sku,) = api.get("skus", include="prices")["data"]
    assert sku["relationships"]["prices"]["data"] == [{"type": "prices", "id": price["id"]}]


def test_an_order_counts_the_pieces_of_its_skus(api, shop):
    order = shop.order(mode="test")
    before = api.get(f"orders/{make_order_id(order)}")["data"]["attributes"]["skus_count"]
    shop.line(order, quantity=3)
    shop.line(order, quantity=5, item_type="shipments", sku_code=None)

    assert (
        api.get(f"orders/{make_order_id(order)}")["data"]["attributes"]["skus_count"] == before + 3
    )
    (listed,) = api.get("orders")["data"]
    assert listed["attributes"]["skus_count"] == before + 3


def test_a_number_that_is_taken_in_the_same_mode_is_refused(api, shop):
    existing = shop.order(mode="test", number="1001", status="draft")
    shop.order(mode="live", number="1002")

    def create(number, expect):
        return api.post("orders", {"type": "orders", "attributes": {"number": number}}, expect)

    (error,) = create("1001", 422)["errors"]
    assert error["source"] == {"pointer": "/data/attributes/number"}
    made = create("1002", 201)["data"]["id"]
    data = {"type": "orders", "id": made, "attributes": {"number": "1001"}}
    (error,) = api.patch(f"orders/{made}", data, 422)["errors"]
    assert error["source"] == {"pointer": "/data/attributes/number"}
    own = {"type": "orders", "id": make_order_id(existing), "attributes": {"number": "1001"}}
    api.patch(f"orders/{make_order_id(existing)}", own)


def test_payments_of_an_order_are_shown_without_their_tokens(api, shop):
    order = shop.order(mode="test")
    api.copy(make_order_id(order))
    common = {
        "order_id": order,
        "order_factory_id": shop.row(OrderFactory).id,
        "gateway": "test",
        "amount_cents": 12_50,
        "currency_code": "EUR",
        "mode": "test",
        "status": "succeeded",
    }
    authorization = shop.add(
        Transaction, type="authorizations", idempotency_key="a", token="secret", **common
    )
    shop.add(
        Transaction,
        type="captures",
        idempotency_key="b",
        authorization_id=authorization,
        **common,
    )

    document = api.get(f"orders/{make_order_id(order)}", include="authorizations.captures,voids")

    shown = {each["type"]: each["attributes"] for each in document["included"]}
    assert shown.keys() == {"authorizations", "captures"}
    assert all(each["succeeded"] for each in shown.values())
    assert shown["captures"]["formatted_amount"] == "€12,50"
    assert "secret" not in str(document)
    assert document["data"]["relationships"]["voids"]["data"] == []
    capture = api.get("captures", include="reference_authorization")["included"]
    assert [each["type"] for each in capture] == ["authorizations"]


def test_an_unknown_include_lists_the_known_ones(api):
    (error,) = api.get("skus", 400, include="sku_options")["errors"]
    assert error["source"] == {"parameter": "include"}
    assert error["detail"].startswith("sku_options is not a relationship of skus, which has ")
    assert "prices" in error["detail"]
