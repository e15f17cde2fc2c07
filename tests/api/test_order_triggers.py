"""The triggers of orders over HTTP: answered immediately, and completed when gateways are called."""

import pytest

from order_factory.models.tables import Address, Order, PaymentSource, Transaction
from order_factory.models.values.public_ids import Resource, public_id
from tests.support.api_client import make_order_id
from tests.support.copying import copy_one, target_of
from tests.support.orders import ask_gateways
from tests.support.verifying import find_violations


def open_test_order(shop, **values):
    customer = shop.customer(mode="test")
    saved = shop.payment_source(
        wallet_of=customer, gateway="test", payment_source_token="tok_approve", mode="test"
    )
    fresh = {"status": "pending", "payment_status": "unpaid", "placed_at": None}
    place = shop.address(mode="test", first_name="Ada", last_name="Byron")
    places = {"billing_address_id": place, "shipping_address_id": place}
    return shop.order(
        **{"mode": "test", "customer_id": customer, "payment_source_id": saved}
        | fresh
        | places
        | values
    )


def trigger(api, key, expect=200, **attributes):
    name = make_order_id(key)
    data = {"type": "orders", "id": name, "attributes": attributes}
    answer = api.patch(f"orders/{name}", data, expect)
    return answer["data"]["attributes"] if expect == 200 else answer["errors"]


def shown(attributes):
    return attributes["status"], attributes["payment_status"]


def test_an_order_is_created_placed_and_refunded(api, shop, ledger):
    order = open_test_order(shop, lines=[("MUG", 2, 12_50)])

    assert shown(trigger(api, order, _place=True)) == ("placing", "unpaid")
    assert ask_gateways() == []
    assert shown(trigger(api, order, _approve=True)) == ("approved", "authorized")
    assert shown(trigger(api, order, _capture=True)) == ("approved", "authorized")
    assert ask_gateways() == []
    refund = {"_refund": True, "_refund_amount_cents": 10_00}
    assert shown(trigger(api, order, **refund)) == ("approved", "paid")
    assert ask_gateways() == []
    assert shown(trigger(api, order, _refund=True)) == ("approved", "partially_refunded")
    assert ask_gateways() == []

    attributes = api.get(f"orders/{make_order_id(order)}")["data"]["attributes"]
    assert shown(attributes) == ("approved", "refunded")
    assert ledger.charges() == [
        ("authorize", 25_00),
        ("capture", 25_00),
        ("refund", 10_00),
        ("refund", 15_00),
    ]
    included = "authorizations.captures.refunds,transactions"
    document = api.get(f"orders/{make_order_id(order)}", include=included)
    kinds = [each["type"] for each in document["included"]]
    assert sorted(kinds) == [
        "authorizations",
        "captures",
        "refunds",
        "refunds",
        *["transactions"] * 4,
    ]
    capture = next(each["id"] for each in document["included"] if each["type"] == "captures")
    assert len(api.get(f"captures/{capture}/refunds")["data"]) == 2
    assert api.get(f"captures/{capture}/order")["data"]["id"] == make_order_id(order)
    assert find_violations() == []


def test_an_order_that_cannot_be_placed_is_refused_with_all_reasons(api, shop, ledger):
    order = open_test_order(shop, billing_address_id=None, payment_source_id=None)

    errors = trigger(api, order, 422, _place=True, reference="mine")

    assert [(each["detail"], each["source"]["pointer"]) for each in errors] == [
        (
            "billing_address - the order has no billing address",
            "/data/relationships/billing_address",
        ),
        (
            "status - cannot transition from pending to placed",
            "/data/attributes/status",
        ),
    ]
    order_row = shop.row(Order, id=order)
    assert (order_row.status, order_row.reference) == ("pending", None)
    assert shop.rows(Transaction) == []


def test_approving_and_capturing_at_once(api, shop, ledger):
    order = open_test_order(shop)
    trigger(api, order, _place=True)
    ask_gateways()

    attributes = trigger(api, order, _approve_and_capture=True)
    assert attributes["status"] == "approved"
    ask_gateways()

    assert shop.row(Order, id=order).payment_status == "paid"


def test_cancelling_voids_the_authorization(api, shop, ledger):
    order = open_test_order(shop)
    trigger(api, order, _place=True)
    ask_gateways()

    assert shown(trigger(api, order, _cancel=True)) == ("cancelled", "authorized")
    assert ask_gateways() == []

    assert shop.row(Order, id=order).payment_status == "voided"
    assert ledger.charges() == [("authorize", 12_50), ("void", 12_50)]
    assert find_violations() == []


def test_orders_are_archived_and_unarchived(api, shop):
    order = open_test_order(shop)

    assert trigger(api, order, _archive=True)["archived_at"] is not None
    assert trigger(api, order, _unarchive=True)["archived_at"] is None


@pytest.mark.parametrize(
    ("attributes", "rule"),
    [
        ({"_capture": True}, "status - cannot be captured: the order is pending"),
        ({"_approve": True}, "status - cannot transition from pending to approved"),
        ({"_start_editing": True}, "status - cannot transition from pending to editing"),
        ({"_refund": True}, "payment_status - cannot be refunded: nothing was captured here"),
        ({"_refund_amount_cents": 5}, "_refund_amount_cents - goes with _refund"),
        ({"_billing_address_clone_id": "x"}, "_billing_address_clone_id - must exist"),
        (
            {"_customer_payment_source_id": "x"},
            "_customer_payment_source_id - must be in the wallet of the order's customer",
        ),
    ],
)
def test_an_invalid_trigger_is_refused(api, shop, attributes, rule):
    order = open_test_order(shop)

    assert [each["detail"] for each in trigger(api, order, 422, **attributes)] == [rule]
    assert find_violations() == []


def test_editing_changes_the_lines_and_their_stock(api, shop, ledger):
    from order_factory.models.tables import LineItem, StockItem

    order = open_test_order(shop, lines=[("MUG", 2, 12_50)])
    trigger(api, order, _place=True)
    ask_gateways()
    assert trigger(api, order, _start_editing=True)["status"] == "editing"
    line = public_id(Resource.line_items, shop.row(LineItem).id)

    def change_quantity(quantity):
        data = {"type": "line_items", "id": line, "attributes": {"quantity": quantity}}
        api.patch(f"line_items/{line}", data)

    change_quantity(3)
    (error,) = trigger(api, order, 422, _stop_editing=True)
    assert "must be at most 25.00 EUR, what is authorized" in error["detail"]
    change_quantity(1)
    assert shown(trigger(api, order, _stop_editing=True)) == ("placed", "authorized")
    assert shop.row(StockItem).quantity == 999
    trigger(api, order, _capture=True)
    ask_gateways()

    assert ledger.charges() == [("authorize", 25_00), ("capture", 12_50)]
    assert shop.row(Order, id=order).payment_status == "paid"
    assert find_violations() == []


def test_addresses_and_the_payment_source_are_taken_from_saved_ones(api, shop, ledger):
    order = open_test_order(shop)
    customer = shop.row(Order, id=order).customer_id
    other = shop.payment_source(
        wallet_of=customer, gateway="test", payment_source_token="tok_2", mode="test"
    )
    home = shop.address(mode="test", line_1="2 Home Street")
    from order_factory.models.tables import CustomerPaymentSource

    entry = shop.row(CustomerPaymentSource, payment_source_id=other)

    trigger(
        api,
        order,
        _customer_payment_source_id=public_id(Resource.customer_payment_sources, entry.id),
        _billing_address_clone_id=public_id(Resource.addresses, home),
        _shipping_address_same_as_billing=True,
    )

    changed = shop.row(Order, id=order)
    assert shop.row(PaymentSource, id=changed.payment_source_id).copied_from_id == other
    billing, shipping = (
        shop.row(Address, id=key)
        for key in (changed.billing_address_id, changed.shipping_address_id)
    )
    assert (billing.copied_from_id, billing.line_1, shipping.line_1) == (
        home,
        "2 Home Street",
        "2 Home Street",
    )
    assert billing.id != home
    trigger(api, order, _place=True)
    assert ask_gateways() == []
    assert shop.row(Transaction).token.startswith("test_tok_2")
    assert find_violations() == []


def test_another_address_leaves_no_copied_one_behind(api, shop):
    result = copy_one(open_test_order(shop))
    order = target_of(result)
    order_row = shop.row(Order, id=order)
    home = shop.address(mode="test", line_1="2 Home Street")
    place = {"data": {"type": "addresses", "id": public_id(Resource.addresses, home)}}
    name = public_id(Resource.orders, order)
    given = {"billing_address": place, "shipping_address": place}

    api.patch(f"orders/{name}", {"type": "orders", "id": name, "relationships": given})

    changed = shop.row(Order, id=order)
    assert (changed.billing_address_id, changed.shipping_address_id) == (home, home)
    assert shop.rows(Address, id=order_row.billing_address_id) == []
    # The batch of this test is live.
    assert set(find_violations()) <= {"mode-not-crossed"}


def test_refreshing_gives_todays_prices(api, shop):
    order = open_test_order(shop, lines=[("MUG", 2, 12_50)])
    shop.price("MUG", 10_00, mode="test")

    attributes = trigger(api, order, _refresh_prices=True)

    assert attributes["total_amount_cents"] == 20_00
    assert attributes["refreshed_at"] is not None


def test_an_address_of_a_placed_order_cannot_be_changed(api, shop, ledger):
    order = open_test_order(shop)
    trigger(api, order, _place=True)
    key = shop.row(Order, id=order).billing_address_id
    name = public_id(Resource.addresses, key)
    data = {"type": "addresses", "id": name, "attributes": {"line_1": "3 Other Street"}}

    (error,) = api.patch(f"addresses/{name}", data, 423)["errors"]

    assert "an order was placed with it" in error["detail"]
    assert shop.row(Address, id=key).line_1 == "1 Test Street"


def test_a_part_is_refunded_once_under_an_idempotency_key(api, shop, ledger):
    order = open_test_order(shop)
    trigger(api, order, _place=True)
    ask_gateways()
    trigger(api, order, _capture=True)
    ask_gateways()
    name = make_order_id(order)
    attributes = {"_refund": True, "_refund_amount_cents": 2_00}
    data = {"type": "orders", "id": name, "attributes": attributes}

    for _ in range(2):
        api.send_document("PATCH", f"orders/{name}", data, 200, {"Idempotency-Key": "part-1"})
    ask_gateways()
    api.send_document("PATCH", f"orders/{name}", data, 200, {"Idempotency-Key": "part-2"})
    ask_gateways()

    assert [charge for charge in ledger.charges() if charge[0] == "refund"] == [
        ("refund", 2_00)
    ] * 2
    assert find_violations() == []


def trigger_on(api, kind, expect=200, **attributes):
    """Send these triggers to the newest transaction of the kind."""
    name = api.get(kind, sort="-id")["data"][0]["id"]
    data = {"type": kind, "id": name, "attributes": attributes}
    answer = api.patch(f"{kind}/{name}", data, expect)
    return [each["detail"] for each in answer.get("errors", ())]


def test_transactions_have_triggers_of_their_own(api, shop, ledger):
    order, voided = (open_test_order(shop, lines=[("MUG", 2, 12_50)]) for _ in range(2))
    trigger(api, order, _place=True)
    ask_gateways()

    for attributes, rule in (
        ({"_capture_amount_cents": 5_00}, "_capture_amount_cents - goes with _capture"),
        ({"_capture": True, "_void": True}, "_void - goes without _capture"),
        (
            {"_capture": True, "_capture_amount_cents": 25_01},
            "_capture_amount_cents - must be at most 25.00 EUR, what is authorized",
        ),
    ):
        assert trigger_on(api, "authorizations", 422, **attributes) == [rule]
    part = {"_capture": True, "_capture_amount_cents": 20_00}
    assert trigger_on(api, "authorizations", **part) == []
    assert trigger_on(api, "authorizations", **part) == [], "it is on its way"
    assert ask_gateways() == []
    assert shop.row(Order, id=order).payment_status == "partially_paid"
    (refused,) = trigger_on(api, "authorizations", 422, _void=True)
    assert refused == (
        "_void - cannot be voided: no gateway holds its payment here; it is partially_paid"
    )
    refund = {"_refund": True, "_refund_amount_cents": 5_00}
    assert trigger_on(api, "captures", **refund) == []
    assert ask_gateways() == []
    assert trigger_on(api, "captures", _refund=True) == []
    assert ask_gateways() == []
    assert shop.row(Order, id=order).payment_status == "refunded"

    trigger(api, voided, _place=True)
    ask_gateways()
    assert trigger_on(api, "authorizations", _void=True) == []
    assert ask_gateways() == []
    assert trigger_on(api, "authorizations", _void=True) == []
    voided_row = shop.row(Order, id=voided)
    assert (voided_row.status, voided_row.payment_status) == ("placed", "voided")
    assert ledger.charges() == [
        ("authorize", 25_00),
        ("capture", 20_00),
        ("refund", 5_00),
        ("refund", 15_00),
        ("authorize", 25_00),
        ("void", 25_00),
    ]
    assert find_violations() == []
