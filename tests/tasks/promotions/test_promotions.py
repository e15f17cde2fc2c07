"""Recalculated promotions: which apply, in which order, and each line's share."""

import pytest

from order_factory.models.tables import LineItem, Order, Promotion, SkuList, SkuListItem
from order_factory.models.values.statuses import PROMOTIONS
from tests.support.copying import copy, copy_one, target_of


def copy_with_promotions(shop, order, **options):
    """The target's lines by type and SKU: (total, share of the discounts)."""
    target = target_of(copy_one(order, apply_promotions=True, **options))
    lines = shop.rows(LineItem, order_id=target)
    return [
        (line.item_type, line.sku_code, line.total_amount_cents, line.discount_cents)
        for line in lines
    ]


def test_todays_promotions_replace_the_old_ones(shop):
    shop.promotion(name="Tenth", reference="tenth")
    source = shop.order(lines=[("MUG", 3, 3_33), ("CAP", 1, 1_01)])
    for kind in PROMOTIONS:
        shop.line(source, item_type=kind, unit_amount_cents=-1)
    shop.line(source, item_type="discount_engine_items", unit_amount_cents=-2)

    target = target_of(copy_one(source, apply_promotions=True))

    mug, cap, engine, tenth = shop.rows(LineItem, order_id=target)
    assert [line.item_type for line in (mug, cap, engine)] == [
        "skus",
        "skus",
        "discount_engine_items",
    ]
    assert (tenth.name, tenth.reference, tenth.total_amount_cents) == ("Tenth", "tenth", -1_10)
    assert (mug.discount_cents, cap.discount_cents) == (-1_00, -10)
    key = str(shop.row(Promotion).id)
    assert mug.discount_breakdown == {key: {"name": "Tenth", "cents": -1_00, "coupon_code": None}}
    order = shop.row(Order, id=target)
    assert (order.subtotal_amount_cents, order.discount_amount_cents) == (11_00, -1_12)
    assert order.total_amount_cents == 9_88


def test_each_promotion_applies_to_the_amount_that_the_last_one_left(shop):
    shop.promotion(percentage=50)
    shop.promotion(type="fixed_amount_promotions", fixed_amount_cents=8_00, currency_code="EUR")
    shop.promotion(percentage=50, priority=1)
    source = shop.order(lines=[("MUG", 1, 100_00)])

    lines = copy_with_promotions(shop, source)

    assert [total for *_, total, _ in lines[1:]] == [-50_00, -25_00, -8_00]


def test_totals_stay_above_zero_and_empty_promotions_are_not_used(shop):
    shop.promotion(type="fixed_amount_promotions", fixed_amount_cents=50_00, currency_code="EUR")
    shop.promotion()
    source = shop.order(lines=[("MUG", 1, 12_50)])

    lines = copy_with_promotions(shop, source)

    assert lines[1:] == [("fixed_amount_promotions", None, -12_50, None)]
    assert [each.total_usage_count for each in shop.rows(Promotion)] == [1, 0]


def test_an_exclusive_promotion_is_the_only_one_until_it_is_used_up(shop):
    shop.promotion(percentage=1)
    shop.promotion(percentage=20, exclusive=True, total_usage_limit=1)
    source = shop.order(lines=[("MUG", 1, 10_00)])

    ended = copy(source, source, apply_promotions=True)

    totals = [shop.row(Order, id=target_of(each)).total_amount_cents for each in ended]
    assert totals == [8_00, 9_90]


def test_a_promotion_needs_its_skus_and_its_minimum_amount(shop):
    listed = shop.add(SkuList, name="caps")
    shop.add(SkuListItem, sku_list_id=listed, sku_code="CAP")
    shop.promotion(sku_list_id=listed)
    shop.promotion(percentage=50, order_amount_cents=50_00, currency_code="EUR")
    source = shop.order(lines=[("MUG", 1, 30_00), ("CAP", 1, 10_00)])

    assert copy_with_promotions(shop, source) == [
        ("skus", "MUG", 30_00, None),
        ("skus", "CAP", 10_00, -1_00),
        ("percentage_discount_promotions", None, -1_00, None),
    ]


@pytest.mark.parametrize(("included", "tax"), [(True, 1_62), (False, 1_98)])
def test_the_tax_is_on_the_amount_after_discounts(shop, included, tax):
    shop.promotion()
    source = shop.order(lines=[], tax_included=included, tax_rate=0.22)
    shop.sku("MUG")
    shop.line(source, sku_code="MUG", unit_amount_cents=10_00, tax_amount_cents=1)

    target = shop.row(Order, id=target_of(copy_one(source, apply_promotions=True)))

    assert target.total_tax_amount_cents == tax
    assert target.total_amount_with_taxes_cents == (9_00 if included else 9_00 + tax)


def test_free_shipping_reduces_only_the_shipping(shop):
    shop.promotion(type="free_shipping_promotions")
    source = shop.order(lines=[("MUG", 1, 10_00)])
    shop.line(source, item_type="shipments", unit_amount_cents=7_00)

    assert copy_with_promotions(shop, source) == [
        ("skus", "MUG", 10_00, None),
        ("shipments", None, 7_00, -7_00),
        ("free_shipping_promotions", None, -7_00, None),
    ]
