"""Amounts as other platforms write them: decimals, thousands separators, signs of currencies."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

# Many lines of a file have the same prices.
_REMEMBERED = 16_384
_NUMBER = re.compile(r"([-+]?)(\d[\d.,' ]*|[.,]\d+)")
# Signs and codes of currencies around the number: $, EUR, kr.
_AROUND = re.compile(r"^([-+]?)\s*[^\d\s.,'+-]{1,4}\s*(?=[-+.,\d])|(?<=\d)\s*[^\d\s.,'+-]{1,4}\.?$")
_BLANKS = re.compile("[\u00a0\u2007\u2009\u202f]")
_PIECES = re.compile(r"[-+]?\d+(?:[.,](?:0{1,2}|0{4,}))?")
_GROUPS = re.compile(r"\d{1,3}(?:[.,' ]\d{3})+")


class AmountError(ValueError):
    """An amount that cannot be read; the message follows the name of its column."""


def parse_amount(value: object, exponent: int, *, whole: bool = True) -> Decimal:
    """The amount in cents of a currency with this number of decimals, exact.

    Raises `AmountError` for what is no amount, for one that can be read in two ways (1,234), and,
    if it must be `whole` cents, for one with more decimals than the currency has.
    """
    if isinstance(value, bool):
        raise AmountError("is true or false, and no amount")
    number = str(value) if isinstance(value, int | Decimal) else _plain_number(str(value), exponent)
    cents = Decimal(number).scaleb(exponent)
    if not cents.is_finite() or abs(cents) > 10**12:
        raise AmountError("is beyond what an amount can be")
    if whole and cents != cents.to_integral_value():
        raise AmountError(f"has more decimals than its currency, which has {exponent}")
    return cents


def parse_pieces(text: str) -> int:
    """A whole number, whatever zeros stand behind a decimal sign; three of them may be thousands."""
    if not text.isascii() or _PIECES.fullmatch(text) is None:
        raise AmountError("is no whole number; write it without decimals")
    return int(re.split("[.,]", text)[0])


def parse_percent(text: str) -> float:
    """The rate of a percentage: 0.22 for 22, 22.0 or 22 %."""
    try:
        rate = float(text.rstrip("% ").replace(",", ".")) / 100
    except ValueError:
        raise AmountError("is no percentage; write 22 for 22 percent") from None
    return rate


@lru_cache(_REMEMBERED)
def _plain_number(text: str, exponent: int) -> str:
    """The number with a point before its decimals and nothing between its thousands."""
    text = _AROUND.sub(r"\1", _BLANKS.sub(" ", text).strip()).strip()
    found = _NUMBER.fullmatch(text)
    if found is None or not found[2].isascii():
        raise AmountError("is no amount; write it like 1234.50")
    sign, digits = found[1], found[2].strip()
    marks = [char for char in digits if char in ".,"]
    if len(set(marks)) == 2 and marks.count(marks[-1]) == 1:
        units, decimals = digits.rsplit(marks[-1], 1)
    elif len(marks) == 1 and not _is_group(digits, marks[0], exponent):
        units, decimals = digits.split(marks[0])
    else:
        units, decimals = digits, ""
    if units and not units.isdigit() and not _GROUPS.fullmatch(units):
        raise AmountError("is no amount; write it like 1234.50")
    if not (decimals == "" or decimals.isdigit()):
        raise AmountError("is no amount; write it like 1234.50")
    return f"{sign}{re.sub(r'[^0-9]', '', units) or '0'}.{decimals or '0'}"


def _is_group(digits: str, mark: str, exponent: int) -> bool:
    """Whether the one mark stands before three digits that are thousands.

    Raises `AmountError` where they may be decimals as well.
    """
    units, after = digits.split(mark)
    if len(after) != 3 or not re.fullmatch(r"[1-9]\d{0,2}", units):
        return False
    if exponent == 0:
        return True
    if exponent == 3 and mark == ".":
        return False
    raise AmountError(
        f"is {digits}, which may be {units}{after}.00 or {units}.{after}; write it without a "
        "separator of thousands and with two decimals"
    )


def whole_cents(amounts: Sequence[Decimal]) -> list[int]:
    """The amounts in whole cents; their sum is the rounded sum of the exact amounts.

    Half a cent is rounded up. Whole amounts stay as they are.
    """
    if all(amount == amount.to_integral_value() for amount in amounts):
        return [int(amount) for amount in amounts]
    rounded, total, before = [], Decimal(0), 0
    for amount in amounts:
        total += amount
        up_to_here = int(total.to_integral_value(ROUND_HALF_UP))
        rounded.append(up_to_here - before)
        before = up_to_here
    return rounded


def divide(cents: int, weights: Sequence[int]) -> list[int]:
    """The amount divided in proportion to the weights, to the cent; equally without weights."""
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    shares, weight, before = [], 0, 0
    for each in weights:
        weight += each
        up_to_here = (2 * cents * weight + whole) // (2 * whole)
        shares.append(up_to_here - before)
        before = up_to_here
    return shares
