"""Placing target orders: a complete order is placed and takes its stock."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from order_factory.models.tables import Order, PaymentMethod, PaymentSource, Sku, StockItem
from order_factory.models.tables.base import utc_now
from tests.support.copying import change, copy, copy_one, factory_of, target_of
from tests.support.shop import SOME_DAY

CANNOT = ["cannot transition from pending to placed"]

ADVICE = "ask the customer for another, or set payment_source_fallback"
NOT_IN_WALLET = "the payment source of the source order is not in the customer's wallet"


@pytest.fixture
def payable(shop):
    """Makes orders that are paid from their customer's wallet."""

    def make(**values):
        customer = shop.customer()
        saved = shop.payment_source(wallet_of=customer)
        return shop.order(**{"customer_id": customer, "payment_source_id": saved} | values)

    return make


def test_a_complete_order_is_placed(shop, payable):
    source = payable(lines=[("MUG", 2, 12_50)])

    result = copy_one(source, place_target_order=True)

    target = shop.row(Order, id=target_of(result))
    assert (result.status, result.errors_log) == ("completed", None)
    assert (target.status, target.payment_status, target.fulfillment_status) == (
        "placed",
        "unpaid",
        "unfulfilled",
    )
    assert result.started_at <= target.placed_at <= result.completed_at
    assert result.target_order.number == target.number
    assert len({order.number for order in shop.rows(Order)} - {None}) == 2


def test_an_unplaced_copy_has_a_number_and_takes_no_stock(shop, payable):
    result = copy_one(payable(lines=[("MUG", 2, 12_50)]))

    target = shop.row(Order, id=target_of(result))
    assert (target.status, target.placed_at) == ("pending", None)
    assert target.number == result.target_order.number == f"OF{target.id}"
    assert shop.row(StockItem).quantity == 1000


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, f"{NOT_IN_WALLET}; the wallet is empty; {ADVICE}"),
        (
            {"reuse_wallet": False},
            "a payment source is needed, and the wallet was not to be reused",
        ),
    ],
)
def test_without_a_payment_source_it_stays_pending(shop, options, reason):
    source = shop.order(payment_source_id=shop.payment_source())

    result = copy_one(source, place_target_order=True, **options)

    target = shop.row(Order, id=target_of(result))
    assert result.status == "failed"
    assert result.errors_log == {"payment_source": [reason], "status": CANNOT}
    assert result.errors_count == 2
    assert (target.status, target.placed_at) == ("pending", None)
    assert (result.target_order.status, result.completed_at) == ("pending", None)
    assert target.order_factory_id == factory_of(result)
    assert shop.row(StockItem).quantity == 1000
    assert len(shop.rows(PaymentSource)) == 1


def test_a_source_without_a_payment_source_has_its_own_message(shop):
    result = copy_one(shop.order(), place_target_order=True)

    assert result.errors_log == {
        "payment_source": ["the source order has no payment source"],
        "status": CANNOT,
    }


def test_a_total_of_zero_is_free_and_needs_no_payment_source(shop):
    source = shop.order(lines=[("MUG", 1, 12_50)])
    shop.line(source, item_type="percentage_discount_promotions", total_amount_cents=-12_50)

    result = copy_one(source, place_target_order=True)

    target = shop.row(Order, id=target_of(result))
    assert (result.status, result.errors_log) == ("completed", None)
    assert (target.status, target.payment_status) == ("placed", "free")
    assert shop.row(StockItem).quantity == 999


def test_taxes_on_top_have_to_be_paid_too(shop):
    source = shop.order(lines=[("MUG", 1, 0)], tax_included=False)
    shop.line(source, item_type="adjustments", total_amount_cents=0, tax_amount_cents=1_00)

    result = copy_one(source, place_target_order=True)

    assert result.status == "failed"
    assert result.errors_log["status"] == CANNOT


def test_an_order_that_ships_nothing_needs_no_fulfillment(shop, payable):
    shop.sku("EBOOK", do_not_ship=True)
    source = payable(lines=[("EBOOK", 1, 9_99)], shipping_address_id=None)

    result = copy_one(source, place_target_order=True)

    target = shop.row(Order, id=target_of(result))
    assert (target.status, target.fulfillment_status) == ("placed", "not_required")


def test_a_negative_total_is_not_a_free_order(shop, payable):
    shop.sku("GONE", purchasable=False)
    source = payable(lines=[("MUG", 1, 4_00), ("GONE", 1, 20_00)])
    shop.line(source, item_type="percentage_discount_promotions", total_amount_cents=-5_00)

    result = copy_one(source, place_target_order=True, skip_errors=True)

    target = shop.row(Order, id=target_of(result))
    assert (target.status, target.total_amount_cents) == ("pending", -1_00)
    assert target.payment_status == "unpaid"
    assert result.errors_log == {
        "line_items": [
            "SKU GONE is not purchasable",
            "the discounts are more than what is left to buy: the total is -1.00 EUR",
        ],
        "status": CANNOT,
    }


def test_a_draft_cannot_be_placed(shop):
    source = shop.order(lines=[])
    shop.line(source, item_type="shipments", total_amount_cents=0)

    result = copy_one(source, place_target_order=True)

    assert result.status == "failed"
    assert result.errors_log == {
        "line_items": ["the order has no line item that can be bought"],
        "status": ["cannot transition from draft to placed"],
    }
    assert result.target_order.status == "draft"


def test_an_order_that_cannot_be_copied_is_not_placed(shop, payable):
    result = copy_one(payable(lines=[("MUG", 0, 12_50)]), place_target_order=True)

    assert result.status == "failed"
    assert result.errors_log == {"line_items": ["SKU MUG: the quantity 0 is below 1"]}
    assert result.target_order is None


def without_billing_address(shop, order):
    change(Order, order, billing_address_id=None)
    return {"billing_address": ["the order has no billing address"]}


def without_shipping_address(shop, order):
    change(Order, order, shipping_address_id=None)
    return {"shipping_address": ["the order has no shipping address"]}


def expire_card(shop, order):
    key = shop.row(Order, id=order).payment_source_id
    change(PaymentSource, key, expires_at=datetime(2026, 1, 31, tzinfo=UTC))
    return {"payment_source": [f"the saved payment source expired on 2026-01-31; {ADVICE}"]}


def change_customer(shop, order):
    change(Order, order, customer_id=shop.customer())
    return {"payment_source": ["the payment source is in another customer's wallet"]}


@pytest.mark.parametrize(
    "spoil",
    [
        without_billing_address,
        without_shipping_address,
        expire_card,
        change_customer,
    ],
)
def test_skip_errors_keeps_pending_what_cannot_be_placed_and_says_why(shop, payable, spoil):
    source = payable()
    expected_message = spoil(shop, source)

    result = copy_one(source, place_target_order=True, skip_errors=True)

    assert result.status == "completed"
    assert result.errors_log == {**expected_message, "status": CANNOT}
    assert result.target_order.status == "pending"
    assert shop.row(StockItem).quantity == 1000


def test_skip_errors_places_what_is_left(shop, payable):
    source = payable(lines=[("MUG", 2, 12_50), ("CAP", 0, 9_00)])

    result = copy_one(source, place_target_order=True, skip_errors=True)

    assert result.status == "completed"
    assert result.errors_log == {"line_items": ["SKU CAP: the quantity 0 is below 1"]}
    assert result.target_order.status == "placed"
    assert stock(shop) == {"MUG": 998, "CAP": 1000}


@pytest.mark.parametrize("status", ["deleted", "blocked"])
def test_skip_errors_places_nothing_for_a_barred_customer(shop, payable, status):
    customer = shop.customer(status=status)
    source = payable(
        customer_id=customer, payment_source_id=shop.payment_source(wallet_of=customer)
    )

    result = copy_one(source, place_target_order=True, skip_errors=True)

    assert result.status == "completed"
    assert result.errors_log == {
        "customer": [f"the customer is {status}"],
        "status": ["cannot transition from draft to placed"],
    }


def test_an_order_placed_for_a_guest_needs_the_email_only(shop):
    source = shop.order(lines=[("MUG", 1, 0)], guest=True)
    change(Order, source, customer_id=None)

    assert copy_one(source, place_target_order=True).target_order.status == "placed"


def test_stock_is_taken_from_the_stock_items_in_order(shop):
    sku = shop.sku("MUG", stock=3)
    shop.add(StockItem, sku_id=sku, stock_location="attic", quantity=0)
    shop.add(StockItem, sku_id=sku, stock_location="cellar", quantity=5)
    shop.add(StockItem, sku_id=sku, stock_location="yard", quantity=5)
    sources = [shop.order(lines=[("MUG", n, 0), ("MUG", 1, 0)]) for n in (1, 2)]

    results = copy(*sources, place_target_order=True)

    assert [result.target_order.status for result in results] == ["placed", "placed"]
    assert [place.quantity for place in shop.rows(StockItem)] == [0, 0, 3, 5]


def test_the_last_piece_can_be_sold(shop):
    shop.sku("MUG", stock=3)
    sources = [shop.order(lines=[("MUG", 1, 0)]) for _ in range(4)]

    results = copy(*sources, place_target_order=True)

    assert [result.status for result in results] == ["completed"] * 3 + ["failed"]
    assert stock(shop) == {"MUG": 0}


def test_only_placed_orders_take_tracked_stock(shop, payable):
    shop.sku("FREE", do_not_track=True)
    shop.sku("MUG", stock=7, mode="test")
    placed = payable(lines=[("CAP", 2, 9_00), ("FREE", 2, 1_00)])
    shop.line(placed, item_type="bundles", sku_code="CAP", quantity=9)
    unpaid = shop.order(lines=[("MUG", 3, 12_50)])

    results = copy(placed, unpaid, place_target_order=True)

    assert [result.target_order.status for result in results] == ["placed", "pending"]
    assert stock(shop) == {"CAP": 998, "FREE": 1000, "MUG": 1007}


def test_placing_one_batch_after_another_takes_the_sum(shop):
    shop.sku("MUG", stock=5)
    source = shop.order(lines=[("MUG", 2, 0)])

    results = [copy_one(source, place_target_order=True) for _ in range(3)]

    assert [result.status for result in results] == ["completed", "completed", "failed"]
    assert results[2].errors_log == {"line_items": ["SKU MUG: 2 wanted, 1 in stock"]}
    assert stock(shop) == {"MUG": 1}


def stock(shop):
    """The pieces of each SKU code, in all places and modes."""
    codes = {sku.id: sku.code for sku in shop.rows(Sku)}
    pieces: Counter[str] = Counter()
    for place in shop.rows(StockItem):
        pieces[codes[place.sku_id]] += place.quantity
    return dict(pieces)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("XXXX-2222", "card ending in 2222"),
        ("XXXX-XXXX-XXXX-2222", "card ending in 2222"),
        ("4111111111112222", "card ending in 2222"),
        ("PayPal of Ann", "PayPal of Ann"),
    ],
)
def test_other_saved_payment_sources_are_reported(shop, name, shown):
    customer = shop.customer()
    shop.payment_source(wallet_of=customer, name=name)
    source = shop.order(customer_id=customer, payment_source_id=shop.payment_source())

    result = copy_one(source, place_target_order=True)

    assert result.errors_log["payment_source"] == [
        f"{NOT_IN_WALLET}; payment sources in the wallet: {shown}; {ADVICE}"
    ]


@pytest.mark.parametrize(
    ("total", "days", "placed"), [(9_00, -1, False), (0, -1, True), (9_00, 1, True)]
)
def test_a_disabled_payment_method_is_not_used(shop, total, days, placed):
    method = shop.add(
        PaymentMethod,
        payment_source_type="wire_transfers",
        name="Transfer",
        gateway="manual",
        disabled_at=utc_now() + timedelta(days=days),
    )
    source = shop.order(lines=[("MUG", 1, total)], payment_method_id=method)

    result = copy_one(source, place_target_order=True)

    if placed:
        assert (result.status, result.target_order.status) == ("completed", "placed")
    else:
        assert result.target_order.status == "pending"
        assert result.errors_log == {
            "payment_method": ["the payment method Transfer is disabled"],
            "status": ["cannot transition from pending to placed"],
        }


@pytest.mark.parametrize("reason", ["free", "by hand"])
def test_an_expired_card_that_is_not_needed_is_no_error(shop, reason):
    customer = shop.customer()
    card = shop.payment_source(wallet_of=customer, expires_at=SOME_DAY)
    method = shop.add(PaymentMethod, payment_source_type="wire_transfers", gateway="manual")
    source = shop.order(
        lines=[("MUG", 1, 0 if reason == "free" else 9_00)],
        customer_id=customer,
        payment_source_id=card,
        payment_method_id=method if reason == "by hand" else None,
    )

    result = copy_one(source, place_target_order=True)

    assert (result.status, result.errors_log) == ("completed", None)
    target = shop.row(Order, id=target_of(result))
    assert (target.status, target.payment_source_id) == ("placed", None)
