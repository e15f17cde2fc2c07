"""What a merchant changes over HTTP: SKUs, stock, payment methods, coupons, customers, addresses."""

from datetime import timedelta
from time import sleep

import pytest
from sqlalchemy import text

from order_factory.api.resources import batches
from order_factory.api.settings import api_settings
from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import (
    Address,
    Coupon,
    Customer,
    CustomerPaymentSource,
    Order,
    OrderFactory,
    PaymentMethod,
    Promotion,
    Sku,
    StockItem,
    Transaction,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.batches.records import finish_batch, start_batch
from order_factory.tasks.batches.stopping import stop_batch
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.verify import verify
from order_factory.tasks.working_set.claims import claim_pending
from tests.support.api_client import make_order_id, make_token
from tests.support.copying import change
from tests.support.draining import drain


def patch(api, kind, key, expect=200, **attributes):
    data = {"type": kind, "id": key, "attributes": attributes}
    return api.patch(f"{kind}/{key}", data, expect)


def first(api, kind):
    return api.get(kind)["data"][0]["id"]


def read_error(document):
    (error,) = document["errors"]
    return error["detail"]


def test_a_sku_can_be_changed_except_for_its_code(api, shop):
    shop.sku("MUG", mode="test")
    name = first(api, "skus")

    patch(api, "skus", name, name="Big mug", purchasable=False, do_not_track=True)
    patch(api, "skus", name, 400, code="CUP")

    row = shop.row(Sku)
    assert (row.code, row.name, row.purchasable, row.do_not_track) == (
        "MUG",
        "Big mug",
        False,
        True,
    )


def test_stock_can_be_raised_but_not_set_below_the_reserved_pieces(api, shop):
    shop.sku("MUG", mode="test")
    key = shop.row(StockItem).id
    change(StockItem, key, quantity=3, reserved=2, mode="test")
    name = public_id(Resource.stock_items, key)

    patch(api, "stock_items", name, quantity=10)
    refusal = patch(api, "stock_items", name, 422, quantity=1)

    assert refusal["errors"][0]["detail"] == (
        "quantity - must be 2 or more: 2 are reserved for orders"
    )
    assert shop.row(StockItem).quantity == 10
    sku = first(api, "skus")
    assert [each["id"] for each in api.get(f"skus/{sku}/stock_items")["data"]] == [name]
    assert api.get(f"stock_items/{name}/sku")["data"]["id"] == sku


def test_a_payment_method_is_disabled_and_enabled(api, shop):
    key = shop.add(PaymentMethod, payment_source_type="wire_transfers", name="Bank", mode="test")
    name = public_id(Resource.payment_methods, key)

    disabled = patch(api, "payment_methods", name, _disable=True)["data"]["attributes"]
    again = patch(api, "payment_methods", name, _disable=True)["data"]["attributes"]
    enabled = patch(api, "payment_methods", name, _enable=True, name="IBAN")["data"]["attributes"]

    assert disabled["disabled_at"] == again["disabled_at"] is not None
    assert (enabled["disabled_at"], enabled["name"]) == (None, "IBAN")


def test_a_coupon_is_not_used_more_often_than_its_limit(api, shop):
    now = utc_now()
    promotion = shop.add(
        Promotion,
        type="percentage_discount_promotions",
        name="Ten",
        percentage=10,
        starts_at=now,
        expires_at=now + timedelta(days=1),
        mode="test",
    )
    key = shop.add(Coupon, promotion_id=promotion, code="TEN", mode="test")
    name = public_id(Resource.coupons, key)

    patch(api, "coupons", name, usage_limit=5, expires_at="2030-01-01T00:00:00Z")
    patch(api, "coupons", name, 422, usage_limit=0)
    patch(api, "coupons", name, 400, usage_count=0)

    row = shop.row(Coupon)
    assert (row.usage_limit, row.expires_at.year) == (5, 2030)


def test_a_gift_card_is_made_topped_up_and_switched_off(api, shop):
    given = {"code": "GIFT-1", "currency_code": "EUR", "balance_cents": 40_00}
    card = api.post("gift_cards", {"type": "gift_cards", "attributes": given})["data"]
    same_code = {"type": "gift_cards", "attributes": given | {"code": " gift-1"}}
    assert read_error(api.post("gift_cards", same_code, 422)) == "code - has already been taken"

    patch(api, "gift_cards", card["id"], balance_change_cents=-15_00)
    patch(api, "gift_cards", card["id"], 422, balance_change_cents=-25_01)
    patch(api, "gift_cards", card["id"], 400, balance_cents=1)
    off = patch(api, "gift_cards", card["id"], _deactivate=True)["data"]["attributes"]

    assert (off["status"], off["balance_cents"], off["initial_balance_cents"]) == (
        "inactive",
        25_00,
        40_00,
    )
    with reading() as db:
        assert [each.name for each in verify(db).invariants if each.violations] == []


def test_the_customer_action_is_shown_only_to_tokens_that_may_write(api, shop):
    source = shop.order_of_test_mode()
    factory = shop.add(OrderFactory, source_order_id=source, mode="test")
    shop.add(
        Transaction,
        type="authorizations",
        status="failed",
        order_id=source,
        order_factory_id=factory,
        gateway="test",
        amount_cents=1,
        currency_code="EUR",
        idempotency_key="key",
        customer_action="https://gateway.invalid/key",
        mode="test",
    )

    shown_action = api.get("authorizations")["data"][0]["attributes"]["customer_action"]
    api.token = make_token("test", "read")
    hidden = api.get("authorizations")["data"][0]["attributes"]["customer_action"]

    assert (shown_action, hidden) == ("https://gateway.invalid/key", None)


def test_a_customer_has_one_default_payment_source(api, shop):
    customer = shop.customer(mode="test")
    for _ in range(2):
        source = shop.payment_source(mode="test")
        shop.add(CustomerPaymentSource, customer_id=customer, payment_source_id=source, mode="test")
    names = [each["id"] for each in api.get("customer_payment_sources")["data"]]

    for name in names:
        patch(api, "customer_payment_sources", name, is_default=True)

    shown = [
        api.get(f"customer_payment_sources/{name}")["data"]["attributes"]["is_default"]
        for name in names
    ]
    assert shown == [False, True]


def test_a_blocked_customer_gets_no_copy(api, shop):
    customer = shop.customer(mode="test")
    source = shop.order(mode="test", customer_id=customer)
    name = first(api, "customers")

    patch(api, "customers", name, status="blocked")
    patch(api, "customers", name, 422, status="gone")
    api.copy(make_order_id(source))
    drain()

    assert shop.row(Customer).status == "blocked"
    assert shop.row(OrderFactory).status == "failed"


def test_the_address_of_a_placed_order_cannot_be_changed(api, shop):
    key = shop.order(mode="test")
    address = shop.row(Order, id=key).billing_address_id
    change(Address, address, mode="test", first_name="Ada", last_name="Byron")
    name = public_id(Resource.addresses, address)

    message = read_error(patch(api, "addresses", name, 423, city="Milan"))
    patch(api, "addresses", name, reference="kept")
    change(Order, key, status="pending")
    patch(api, "addresses", name, city="Milan")

    assert f"Address {name} cannot be changed, because an order was placed with it." in message
    assert shop.row(Address, id=address).city == "Milan"


def batch_of(api, orders):
    data = {
        "type": "order_factory_batches",
        "relationships": {"source_orders": {"data": [{"type": "orders", "id": n} for n in orders]}},
    }
    return api.post("order_factory_batches", data)["data"]["id"]


def test_a_pending_batch_is_stopped(api, shop):
    orders = [make_order_id(shop.order(mode="test")) for _ in range(3)]
    name = batch_of(api, orders)

    for _ in range(2):
        stopped = patch(api, "order_factory_batches", name, _abort=True)
        assert stopped["data"]["attributes"]["status"] == "aborted"
    drain()

    assert {row.status for row in shop.rows(OrderFactory)} == {"aborted"}
    assert len(shop.rows(Order)) == 3
    events = api.get("events", sort="id", page__size=25)["data"]
    names = [each["attributes"]["name"] for each in events]
    assert names == [
        *["order_copies.create"] * 3,
        "order_factory_batches.create",
        *["order_copies.abort"] * 3,
        "order_factory_batches.abort",
    ]
    with reading() as db:
        assert verify(db).violations == 0


# They take about this many seconds.
SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500 * {})"
    " SELECT max(pg_sleep(0.002)) FROM n",
    "postgresql": "SELECT pg_sleep({})",
}


@pytest.mark.parametrize(("seconds", "status"), [(0.6, 200), (300, 503)])
def test_to_stop_a_large_batch_may_take_longer_than_other_writes(
    api, shop, configure, monkeypatch, seconds, status
):
    def stop_slowly(db, *arguments):
        if db.dialect.name == "sqlite":
            db.connection.driver_connection.create_function("pg_sleep", 1, sleep)
        db.execute(text(SLOW[db.dialect.name].format(seconds)))
        return stop_batch(db, *arguments)

    name = batch_of(api, [make_order_id(shop.order(mode="test"))])
    monkeypatch.setattr(batches, "stop_batch", stop_slowly)
    configure.setenv("ORDER_FACTORY_API_QUERY_SECONDS", "0.3")
    api_settings.cache_clear()

    patch(api, "order_factory_batches", name, status, _abort=True)

    expected = "aborted" if status == 200 else "pending"
    assert {row.status for row in shop.rows(OrderFactory)} == {expected}


def test_finished_copies_stay_when_their_batch_is_stopped(api, shop):
    api = api.with_token(make_token("live"))
    name = batch_of(api, [make_order_id(shop.order()) for _ in range(3)])
    done = [row.id for row in shop.rows(OrderFactory)][:1]
    batch = shop.row(OrderFactory, id=done[0]).batch_id
    with begin() as db:
        start_batch(db, batch, None)
        copy_claimed(db, claim_pending(db, batch, limit=1), None)

    patch(api, "order_factory_batches", name, _abort=True)
    with begin() as db:
        finish_batch(db, batch)

    assert api.get(f"order_factory_batches/{name}")["data"]["attributes"]["status"] == "aborted"
    statuses = [row.status for row in shop.rows(OrderFactory)]
    assert statuses == ["completed", "aborted", "aborted"]
    with reading() as db:
        assert [each for each in verify(db).invariants if each.violations] == []


def test_a_completed_batch_cannot_be_stopped(api, shop):
    name = batch_of(api, [make_order_id(shop.order(mode="test"))])
    drain()

    document = patch(api, "order_factory_batches", name, 422, _abort=True)

    assert read_error(document) == "_abort - cannot be stopped: the batch is completed"


@pytest.mark.parametrize("kind", ["orders", "order_copies", "customers", "addresses", "skus"])
def test_metadata_is_an_object_even_when_empty(api, shop, kind):
    shop.sku("MUG", mode="test")
    key = shop.order(mode="test", customer_id=shop.customer(mode="test"))
    change(Address, shop.row(Order, id=key).billing_address_id, mode="test")
    api.copy(make_order_id(key))

    shown = api.get(kind, include="events")

    assert shown["data"][0]["attributes"]["metadata"] == {}
    assert all(each["attributes"]["metadata"] == {} for each in shown["included"])
