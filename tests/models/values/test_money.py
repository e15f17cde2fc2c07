import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_factory.models.values.money import (
    CURRENCY_CODES,
    format_money,
    format_price,
    get_exponent,
    to_decimal,
)

WHOLE = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "UYI",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
THOUSANDTHS = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
TEN_THOUSANDTHS = ["CLF", "UYW"]
OTHERS = set(CURRENCY_CODES).difference(WHOLE, THOUSANDTHS, TEN_THOUSANDTHS, {"BYR"})


def test_every_currency_has_the_decimals_of_iso_4217():
    unknown = {
        exponent: [code for code in sorted(CURRENCY_CODES) if get_exponent(code) == exponent]
        for exponent in (0, 2, 3, 4)
    }

    assert unknown == {
        0: sorted([*WHOLE, "BYR"]),  # the Belarusian rouble that was withdrawn in 2016
        2: sorted(OTHERS),
        3: THOUSANDTHS,
        4: TEN_THOUSANDTHS,
    }


def test_metals_and_test_codes_are_not_currencies():
    assert CURRENCY_CODES.isdisjoint({"XXZ", "XXX", "XTS", "XAU", "EURO", "eur", ""})
    assert {"EUR", "USD", "HRK", "BGN", "MGA"} <= CURRENCY_CODES
    with pytest.raises(ValueError, match="'XXZ' is not an ISO 4217 currency code"):
        get_exponent("XXZ")


@pytest.mark.parametrize(
    ("cents", "currency_code", "money", "price"),
    [
        (1_500, "JPY", "1,500 JPY", "¥1,500"),
        (5_000, "RWF", "5,000 RWF", "RWF 5,000"),
        (123_450, "EUR", "1,234.50 EUR", "€1.234,50"),
        (-500, "USD", "-5.00 USD", "-$5.00"),
        (-5, "EUR", "-0.05 EUR", "-€0,05"),
        (5_124, "KWD", "5.124 KWD", "KWD 5.124"),
        (5_000, "CLF", "0.5000 CLF", "CLF 0.5000"),
        (0, "GBP", "0.00 GBP", "£0.00"),
        (150, None, "1.50", "1.50"),
    ],
)
def test_amounts_are_shown_with_the_decimals_of_their_currency(cents, currency_code, money, price):
    assert format_money(cents, currency_code) == money
    assert format_price(cents, currency_code) == price


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(sorted(CURRENCY_CODES)))
def test_no_digit_of_an_amount_is_lost(cents, currency_code):
    shown = format_money(cents, currency_code)

    assert int(shown.removesuffix(currency_code).replace(",", "").replace(".", "")) == cents
    assert to_decimal(cents, currency_code) * 10 ** get_exponent(currency_code) == cents
