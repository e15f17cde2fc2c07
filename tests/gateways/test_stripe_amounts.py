"""Every amount is sent to Stripe in Stripe's unit, or refused with a message."""

from decimal import Decimal

import pytest

from order_factory.gateways.stripe_amounts import AmountNotSupported, convert_to_stripe_amount
from order_factory.models.values.money import CURRENCY_CODES, to_decimal

# Source: Stripe's documentation. ISK and UGX have no decimals but are sent in hundredths.
ZERO = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "JPY",
    "KMF",
    "KRW",
    "MGA",
    "PYG",
    "RWF",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
THREE = ["BHD", "JOD", "KWD", "OMR", "TND"]
# Stripe does not know these. By ISO 4217 they have three or four decimals, or none.
NOT_TAKEN = {"CLF", "UYW", "UYI", "IQD", "LYD", "BYR"}


def test_every_currency_keeps_its_worth_at_stripe():
    for code in sorted(CURRENCY_CODES - NOT_TAKEN):
        decimals = 0 if code in ZERO else 3 if code in THREE else 2

        amount = convert_to_stripe_amount(123_000, code)

        assert Decimal(amount).scaleb(-decimals) == to_decimal(123_000, code), code


@pytest.mark.parametrize(
    ("cents", "code", "expected"),
    [
        (5124, "ISK", 512_400),
        (5124, "UGX", 512_400),
        (5124, "JPY", 5124),
        (5124, "EUR", 5124),
        (5124, "HUF", 5124),
        (5124, "TWD", 5124),
        (5100, "MGA", 51),
        (5120, "KWD", 5120),
        (1, "ISK", 100),
    ],
)
def test_currencies_with_other_units_at_stripe(cents, code, expected):
    assert convert_to_stripe_amount(cents, code) == expected


@pytest.mark.parametrize(("cents", "code"), [(5124, "KWD"), (5125, "BHD"), (5124, "MGA")])
def test_an_amount_too_fine_for_stripe_is_refused(cents, code):
    with pytest.raises(AmountNotSupported, match=f"accepts {code} in steps of"):
        convert_to_stripe_amount(cents, code)


@pytest.mark.parametrize("code", [*sorted(NOT_TAKEN), "XXX", "XAU", "???", ""])
def test_an_unknown_currency_is_refused(code):
    with pytest.raises(AmountNotSupported, match="accepts no payments in"):
        convert_to_stripe_amount(1_00, code)
