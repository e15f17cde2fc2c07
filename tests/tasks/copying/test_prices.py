"""Today's prices: set on the lines, listed in the metadata, missing ones reported."""

import pytest

from order_factory.models.tables import LineItem, LineItemOption, Order
from tests.support.copying import copy_one, target_of


def copy_with_new_prices(shop, order, **options):
    result = copy_one(order, refresh_prices=True, **options)
    return result, shop.row(Order, id=target_of(result))


def test_lines_get_todays_price_and_the_metadata_the_old_one(shop):
    shop.price("MUG", 14_00, compare_at_amount_cents=16_00)
    shop.price("CAP", 9_00)
    source = shop.order(lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)], metadata={"gift": True})
    shop.line(source, item_type="bundles", unit_amount_cents=5_00)

    result, target = copy_with_new_prices(shop, source)

    mug, cap, bundle = shop.rows(LineItem, order_id=target.id)
    assert result.errors_log is None
    assert (mug.unit_amount_cents, mug.compare_at_amount_cents) == (14_00, 16_00)
    assert [line.total_amount_cents for line in (mug, cap, bundle)] == [28_00, 9_00, 5_00]
    assert target.total_amount_cents == 42_00
    assert target.metadata == {
        "gift": True,
        "refreshed_prices": [
            {"sku_code": "MUG", "old_amount_cents": 12_50, "new_amount_cents": 14_00}
        ],
    }


def test_options_are_kept_and_paid_as_they_were(shop):
    shop.price("MUG", 14_00)
    source = shop.order(lines=[])
    line = shop.line(source, sku_code="MUG", quantity=2, unit_amount_cents=12_50)
    shop.option(line, total_amount_cents=3_00)

    _, target = copy_with_new_prices(shop, source)

    copied = shop.row(LineItem, order_id=target.id)
    assert copied.total_amount_cents == 31_00
    assert shop.row(LineItemOption, line_item_id=copied.id).total_amount_cents == 3_00


@pytest.mark.parametrize(("included", "tax"), [(True, 2_52), (False, 3_08)])
def test_the_tax_is_that_of_the_new_total(shop, included, tax):
    shop.price("MUG", 14_00)
    source = shop.order(lines=[], tax_included=included, tax_rate=0.22)
    shop.line(source, sku_code="MUG", unit_amount_cents=12_50, tax_amount_cents=1)

    _, target = copy_with_new_prices(shop, source)

    assert target.total_tax_amount_cents == tax


def test_a_sku_without_a_price_in_the_currency_is_named(shop):
    shop.price("MUG", 14_00, currency_code="USD")
    shop.price("CAP", 9_50)
    source = shop.order(lines=[("MUG", 1, 12_50), ("CAP", 1, 9_00)])

    failed = copy_one(source, refresh_prices=True)
    skipped, target = copy_with_new_prices(shop, source, skip_errors=True)

    expected_log = {"line_items": ["SKU MUG has no price in EUR"]}
    assert (failed.status, failed.errors_log) == ("failed", expected_log)
    assert (skipped.status, skipped.errors_log) == ("completed", expected_log)
    assert [line.sku_code for line in shop.rows(LineItem, order_id=target.id)] == ["CAP"]
    assert target.total_amount_cents == 9_50


def test_promotions_are_computed_over_the_new_prices(shop):
    shop.price("MUG", 14_00)
    shop.promotion()

    _, target = copy_with_new_prices(
        shop, shop.order(lines=[("MUG", 1, 12_50)]), apply_promotions=True
    )

    assert (target.discount_amount_cents, target.total_amount_cents) == (-1_40, 12_60)


def test_a_price_of_the_other_mode_does_not_count(shop):
    shop.price("MUG", 14_00, mode="test")

    result = copy_one(shop.order(lines=[("MUG", 1, 12_50)]), refresh_prices=True)

    assert result.errors_log == {"line_items": ["SKU MUG has no price in EUR"]}
