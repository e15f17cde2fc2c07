"""Source orders that may be copied: by their status, and by the sums of their lines."""

import pytest

from order_factory.models.tables import LineItem, Order
from order_factory.models.values.money import format_money
from tests.support.copying import (
    change,
    copy,
    copy_batch,
    copy_one,
    make_batch,
    read_results,
    request_copy,
    target_of,
)
from tests.support.subscriptions import START, run_due, subscribe

HOW_TO = "; any_source_status copies it anyway"
PARTS = {
    "subtotal_amount_cents": 10_00,
    "shipping_amount_cents": 7_00,
    "payment_method_amount_cents": 1_00,
    "discount_amount_cents": -2_00,
    "adjustment_amount_cents": 3_00,
    "gift_card_amount_cents": 4_00,
    "total_tax_amount_cents": 5_00,
    "total_amount_cents": 15_00,
    "total_amount_with_taxes_cents": 20_00,
}


def make_order_with_every_amount(shop):
    """An order whose lines and header have all amounts of `PARTS`."""
    order_id = shop.order(lines=[("MUG", 1, 10_00)], tax_included=False)
    for kind, cents, tax in [
        ("shipments", 7_00, 5_00),
        ("payment_methods", 1_00, None),
        ("fixed_amount_promotions", -2_00, None),
        ("adjustments", 3_00, None),
        ("gift_cards", -4_00, None),
    ]:
        shop.line(order_id, item_type=kind, total_amount_cents=cents, tax_amount_cents=tax)
    return order_id


@pytest.mark.parametrize("name", PARTS)
def test_an_amount_that_differs_from_the_lines_is_reported_with_both_sums(shop, name):
    good, bad = make_order_with_every_amount(shop), make_order_with_every_amount(shop)
    shop.change_order(bad, **{name: PARTS[name] + 1})

    copied, refused = copy(good, bad)

    lines, order = (format_money(cents, "EUR") for cents in (PARTS[name], PARTS[name] + 1))
    words = f"{name}: the lines add up to {lines}, the order says {order}"
    assert (copied.status, refused.status) == ("completed", "failed")
    assert refused.errors_log == {"amounts": [words]}
    assert len(shop.rows(Order)) == 3


def test_shipping_and_tax_of_the_header_are_imported(shop):
    order_id = shop.order(
        lines=[("MUG", 2, 25_00)],
        tax_included=False,
        subtotal_amount_cents=50_00,
        shipping_amount_cents=7_00,
        discount_amount_cents=-5_00,
        total_tax_amount_cents=11_44,
        total_amount_cents=52_00,
        total_amount_with_taxes_cents=63_44,
    )

    refused, copied = copy_one(order_id), copy_one(order_id, skip_errors=True)

    assert refused.errors_log["amounts"][0] == (
        "total_amount_cents: the lines add up to 50.00 EUR, the order says 52.00 EUR"
    )
    assert len(refused.errors_log["amounts"]) == 5
    assert (copied.status, copied.errors_log) == ("completed", refused.errors_log)


def test_unknown_amounts_are_not_compared(shop):
    """A header may have a total alone."""
    order_id = make_order_with_every_amount(shop)
    shop.change_order(order_id, **{name: 0 for name in PARTS if name != "total_amount_cents"})

    assert copy_one(order_id).status == "completed"


def test_an_order_with_a_total_of_zero_is_free(shop):
    order_id = shop.order(lines=[("MUG", 1, 10_00)], total_amount_cents=0)

    assert list(copy_one(order_id).errors_log) == ["amounts"]


@pytest.mark.parametrize("skip_errors", [False, True])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("draft", "the source order is a draft, and was never placed" + HOW_TO),
        ("placing", "the source order is being placed; copy it once that is decided"),
        ("editing", "the source order is being edited; copy it once that is finished"),
        ("cancelled", "the source order is cancelled" + HOW_TO),
    ],
)
def test_an_impossible_status_is_refused(shop, status, words, skip_errors):
    order_id = shop.order(status=status)

    result = copy_one(order_id, skip_errors=skip_errors)

    assert (result.status, result.errors_log) == ("failed", {"source_order": [words]})
    assert len(shop.rows(Order)) == 1


def test_copies_requested_before_the_source_was_replaced_are_made(shop):
    """Whether they are copied in one transaction or in two."""
    order_id = shop.order()
    factories = [request_copy(order_id, cancel_source_order=True) for _ in range(2)]
    for factory in factories:
        copy_batch(make_batch([factory]))

    first, second = read_results(factories)
    late = copy_one(order_id)

    assert (first.status, first.errors_log) == ("completed", None)
    assert (second.status, list(second.errors_log)) == ("completed", ["source_order"])
    assert late.errors_log == {"source_order": ["the source order is cancelled" + HOW_TO]}


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ("draft", "completed"),
        ("cancelled", "completed"),
        ("placing", "failed"),
        ("editing", "failed"),
    ],
)
def test_drafts_and_cancelled_orders_are_copied_on_request(shop, status, ended):
    assert copy_one(shop.order(status=status), any_source_status=True).status == ended


@pytest.mark.parametrize("status", ["pending", "placed", "approved"])
def test_the_other_statuses_are_copied(shop, status):
    assert copy_one(shop.order(status=status)).status == "completed"


def test_the_template_of_a_subscription_is_a_draft_and_copied(shop):
    key = subscribe(shop, frequency="daily")
    order = shop.row(Order).id
    shop.change_order(order, status="draft")

    run_due(START.replace(day=28, month=2))

    assert len(shop.rows(Order)) == 2, key


def test_a_line_in_another_currency_is_refused(shop):
    order_id = shop.order(lines=[("MUG", 1, 10_00), ("CAP", 1, 5_00)])
    (_, cap) = shop.rows(LineItem, order_id=order_id)
    change(LineItem, cap.id, currency_code="JPY")

    refused, copied = copy_one(order_id), copy_one(order_id, skip_errors=True)

    words = "SKU CAP is in JPY, and the order in EUR"
    assert (refused.status, refused.errors_log) == ("failed", {"line_items": [words]})
    assert (copied.status, copied.errors_log) == ("completed", {"line_items": [words]})
    assert shop.row(Order, id=target_of(copied)).total_amount_cents == 10_00


@pytest.mark.parametrize(("rate", "percent"), [(22.0, 2200), (-0.22, -22), (1.22, 122)])
def test_a_tax_rate_above_one_is_refused_if_a_tax_is_calculated(shop, rate, percent):
    shop.price("MUG", 11_00)
    order_id = shop.order(lines=[], tax_rate=rate)
    shop.line(order_id, sku_code="MUG", unit_amount_cents=10_00, tax_amount_cents=2_20)

    frozen, refused = copy_one(order_id), copy_one(order_id, refresh_prices=True)

    words = f"SKU MUG: the tax rate is {percent} percent; write 0.22 for 22 percent"
    assert frozen.status == "completed"
    assert (refused.status, refused.errors_log) == ("failed", {"tax_rate": [words]})


def test_the_rate_of_an_unchanged_tax_is_not_required(shop):
    shop.price("MUG", 11_00)
    order_id = shop.order(lines=[], tax_rate=0.22)
    shop.line(order_id, sku_code="MUG", unit_amount_cents=10_00, tax_amount_cents=2_20)
    shipment = shop.line(
        order_id, item_type="shipments", total_amount_cents=5_00, tax_amount_cents=1_10
    )
    change(LineItem, shipment, tax_rate=22.0)

    refreshed = copy_one(order_id, refresh_prices=True)
    discounted = copy_one(order_id, apply_promotions=True)

    assert (refreshed.status, refreshed.errors_log) == ("completed", None)
    assert list(discounted.errors_log) == ["tax_rate"]
