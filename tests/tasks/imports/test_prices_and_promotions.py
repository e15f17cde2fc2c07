"""Importing prices, which change, and promotions with columns that must fit together."""

from order_factory.models.tables import Price, Promotion
from tests.support.import_examples import PROMOTION


def test_a_later_price_replaces_the_earlier_one(shop, write_csv, run_import):
    shop.sku("MUG")
    shop.sku("CAP")
    price = {"sku_code": "MUG", "currency_code": "EUR", "amount_cents": 12_50}
    cap = price | {"sku_code": "CAP"}
    first = run_import(write_csv("prices.csv", [price, cap]))

    second = run_import(write_csv("prices.csv", [price | {"amount_cents": 13_00}, cap]))

    assert [each.counts["prices.csv"] for each in (first, second)] == [(2, 0, 0), (1, 1, 0)]
    assert [row.amount_cents for row in shop.rows(Price)] == [13_00, 12_50]


def test_of_two_prices_in_one_file_the_first_counts(shop, write_csv, run_import):
    shop.sku("MUG")
    price = {"sku_code": "MUG", "currency_code": "EUR", "amount_cents": 12_50}

    imported = run_import(write_csv("prices.csv", [price, price | {"amount_cents": 13_00}]))

    assert [(each.line, each.column) for each in imported.rejects] == [(3, "amount_cents")]
    assert shop.row(Price).amount_cents == 12_50


def test_a_promotion_with_columns_of_another_type_is_rejected(shop, write_csv, run_import):
    rows = [
        PROMOTION | {"sku_list": None, "reference": "a", "percentage": None},
        PROMOTION | {"sku_list": None, "reference": "b", "fixed_amount_cents": 5_00},
        PROMOTION | {"sku_list": None, "reference": "c", "currency_code": None},
        PROMOTION | {"sku_list": None, "reference": "d", "percentage": 101},
    ]

    imported = run_import(write_csv("promotions.csv", rows))

    assert [each.reason for each in imported.rejects] == [
        "percentage is given for percentage_discount_promotions, and only for them",
        "fixed_amount_cents is given for fixed_amount_promotions, and only for them",
        "amounts need a currency_code",
        "Input should be less than or equal to 100",
    ]
    assert shop.rows(Promotion) == []
