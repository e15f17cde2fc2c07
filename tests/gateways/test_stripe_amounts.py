"""Every currency is sent to Stripe as Stripe counts it, or refused in words."""

from decimal import Decimal

import pytest

from order_factory.gateways.stripe_amounts import AmountNotTaken, stripe_amount
from order_factory.models.values.money import CURRENCY_CODES, to_decimal

# Stripe's documentation. ISK and UGX have no decimals, and are sent in hundredths all the same.
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
# Of three or four decimals by ISO 4217, or without any, and unknown to Stripe.
NOT_TAKEN = {"CLF", "UYW", "UYI", "IQD", "LYD", "BYR"}


def test_every_currency_is_worth_at_stripe_what_the_order_is_worth():
    for code in sorted(CURRENCY_CODES - NOT_TAKEN):
        decimals = 0 if code in ZERO else 3 if code in THREE else 2

        sent = stripe_amount(123_000, code)

        assert Decimal(sent).scaleb(-decimals) == to_decimal(123_000, code), code


@pytest.mark.parametrize(
    ("cents", "code", "sent"),
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
def test_the_exceptions(cents, code, sent):
    assert stripe_amount(cents, code) == sent


@pytest.mark.parametrize(("cents", "code"), [(5124, "KWD"), (5125, "BHD"), (5124, "MGA")])
def test_what_is_too_fine_for_stripe_is_refused(cents, code):
    with pytest.raises(AmountNotTaken, match=f"takes {code} in steps of"):
        stripe_amount(cents, code)


@pytest.mark.parametrize("code", [*sorted(NOT_TAKEN), "XXX", "XAU", "???", ""])
def test_what_is_no_currency_is_refused(code):
    with pytest.raises(AmountNotTaken, match="takes no payments in"):
        stripe_amount(1_00, code)
