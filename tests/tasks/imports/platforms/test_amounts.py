"""Amounts as platforms write them, and how those of a header add up."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from order_factory.tasks.imports.platforms.amount_matching import (
    AmountsDiffer,
    Discounts,
    HeaderAmounts,
    match_amounts,
)
from order_factory.tasks.imports.platforms.decimal_amounts import (
    AmountError,
    divide,
    parse_amount,
    parse_pieces,
    whole_cents,
)


@pytest.mark.parametrize(
    ("text", "exponent", "cents"),
    [
        ("12.50", 2, 12_50),
        ("12,50", 2, 12_50),
        ("1234", 2, 1234_00),
        ("1234.5", 2, 1234_50),
        ("1,234.50", 2, 1234_50),
        ("1.234,50", 2, 1234_50),
        ("1 234,50", 2, 1234_50),
        ("1\u202f234,50 €", 2, 1234_50),
        ("1'234.50", 2, 1234_50),
        ("$1,234,567.89", 2, 1234567_89),
        ("1,234,567", 2, 1234567_00),
        ("-2.5000", 2, -2_50),
        ("-$2.50", 2, -2_50),
        ("EUR 12.50", 2, 12_50),
        (".50", 2, 50),
        ("0", 2, 0),
        ("1,500", 0, 1500),
        ("1500.00", 0, 1500),
        ("1.250", 3, 1250),
        (12, 2, 12_00),
        (12.5, 2, 12_50),
    ],
)
def test_an_amount_is_read_to_the_cent(text, exponent, cents):
    assert parse_amount(text, exponent) == cents


@pytest.mark.parametrize(
    ("text", "exponent"),
    [
        *[(text, 2) for text in ("", "free", "1,234", "1.234", "12.505", "1,23,456.00", "1.2.3")],
        *[(text, 2) for text in ("--1", "12.50.", "1,2345,678.00", "1e3", True, "9" * 20, "٣")],
        ("1500.50", 0),
        ("1,234", 3),
    ],
)
def test_an_invalid_or_ambiguous_amount_is_refused(text, exponent):
    with pytest.raises(AmountError):
        parse_amount(text, exponent)


def test_pieces_are_whole():
    assert [parse_pieces(text) for text in ("2", "2.0", "2.00", "2.0000", "-1", "0")] == [
        *(2, 2, 2, 2, -1, 0)
    ]
    for text in ("2.000", "1,000", "1.5", "two", ""):
        with pytest.raises(AmountError, match="is not a whole number"):
            parse_pieces(text)


def test_rounding_of_shares_keeps_the_sum():
    assert whole_cents([Decimal("826.4463")] * 3) == [826, 827, 826]
    assert whole_cents([Decimal(1), Decimal(2)]) == [1, 2]


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_an_amount_that_is_divided_stays_whole(cents, weights):
    shares = divide(cents, weights)

    assert sum(shares) == cents
    whole = sum(weights)
    if whole:
        pairs = zip(shares, weights, strict=True)
        assert all(abs(share - cents * weight / whole) <= 1.001 for share, weight in pairs)


def header(**amounts):
    usual: dict[str, Any] = {
        "total": 0,
        "tax": 0,
        "subtotal": None,
        "after_discounts": False,
        "shipping": 0,
    }
    usual |= {"discount": 0, "adjustments": 0, "line_discounts": 0, "currency_code": "EUR"}
    return HeaderAmounts(**{**usual, **amounts})


@pytest.mark.parametrize(
    ("goods", "amounts", "settled"),
    [
        (10_00, {"total": 10_00}, (0, 0, True)),
        (10_00, {"total": 12_00, "tax": 2_00}, (0, 0, False)),
        (10_00, {"total": 10_00, "tax": 1_80}, (0, 0, True)),
        (10_00, {"total": 14_00, "shipping": 5_00, "discount": 1_00}, (1_00, 0, True)),
        # The discount is on the shipping. Shipping is the amount before it or after it.
        (
            10_00,
            {
                "total": 10_00,
                "shipping": 5_00,
                "discount": 5_00,
                "subtotal": 10_00,
                "after_discounts": True,
            },
            (0, 5_00, True),
        ),
        (
            10_00,
            {"total": 10_00, "discount": 5_00, "subtotal": 10_00, "after_discounts": True},
            (0, 0, True),
        ),
        # Both: 10 percent of the goods, and the shipping.
        (
            10_00,
            {
                "total": 9_00,
                "shipping": 5_00,
                "discount": 6_00,
                "subtotal": 9_00,
                "after_discounts": True,
            },
            (1_00, 5_00, True),
        ),
        # The lines' prices are those after the discount.
        (9_00, {"total": 9_00, "discount": 1_00, "subtotal": 10_00}, (0, 0, True)),
        (9_00, {"total": 9_00, "discount": 1_00}, (0, 0, True)),
        # The discount at a line comes on top of the order's, or is all of it.
        (
            10_00,
            {
                "total": 7_00,
                "discount": 1_00,
                "line_discounts": 2_00,
                "subtotal": 7_00,
                "after_discounts": True,
            },
            (3_00, 0, True),
        ),
        (10_00, {"total": 15_00, "adjustments": 3_00, "tax": 2_00}, (0, 0, False)),
    ],
)
def test_the_amounts_of_a_header_are_matched(goods, amounts, settled):
    assert match_amounts(goods, header(**amounts)) == Discounts(*settled)


@pytest.mark.parametrize(
    ("goods", "amounts", "amount"),
    [
        (10_00, {"total": 10_01}, "total"),
        (10_00, {"total": 10_00, "subtotal": 9_00}, "subtotal"),
        (10_00, {"total": 9_00, "subtotal": 9_00, "after_discounts": True}, "subtotal"),
        (10_00, {"total": 11_00, "subtotal": 11_00, "after_discounts": True}, "subtotal"),
    ],
)
def test_amounts_that_do_not_add_up_are_refused(goods, amounts, amount):
    with pytest.raises(AmountsDiffer) as caught:
        match_amounts(goods, header(**amounts))
    assert caught.value.which == amount
