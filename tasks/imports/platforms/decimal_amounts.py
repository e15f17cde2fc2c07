"""Amounts as other platforms write them: with decimals, thousands separators and currency signs."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

# Many lines of a file have the same prices.
_REMEMBERED = 16_384
_NUMBER = re.compile(r"([-+]?)(\d[\d.,' ]*|[.,]\d+)")
# Currency signs and codes around the number: $, EUR, kr.
_CURRENCY = re.compile(
    r"^([-+]?)\s*[^\d\s.,'+-]{1,4}\s*(?=[-+.,\d])|(?<=\d)\s*[^\d\s.,'+-]{1,4}\.?$"
)
_BLANKS = re.compile("[\u00a0\u2007\u2009\u202f]")
_PIECES = re.compile(r"[-+]?\d+(?:[.,](?:0{1,2}|0{4,}))?")
_GROUPS = re.compile(r"\d{1,3}(?:[.,' ]\d{3})+")


class AmountError(ValueError):
    """An amount that cannot be read; the message follows the name of its column."""


def parse_amount(value: object, exponent: int, *, whole: bool = True) -> Decimal:
    """Return the exact amount in cents of a currency with this number of decimals.

    Raises `AmountError` for a text that is not an amount, for an ambiguous one (1,234), and, if it
    must be `whole` cents, for one with more decimals than the currency.
    """
    if isinstance(value, bool):
        raise AmountError("is true or false, and not an amount")
    number = str(value) if isinstance(value, int | Decimal) else _plain_number(str(value), exponent)
    cents = Decimal(number).scaleb(exponent)
    if not cents.is_finite() or abs(cents) > 10**12:
        raise AmountError("is too large for an amount")
    if whole and cents != cents.to_integral_value():
        raise AmountError(
            f"has more decimals than its currency, which has {exponent}; correct it in the file"
        )
    return cents


def parse_pieces(text: str) -> int:
    """Return a whole number.

    Zeros after a decimal sign are allowed, except three: 1.000 is ambiguous.
    """
    if not text.isascii() or _PIECES.fullmatch(text) is None:
        raise AmountError("is not a whole number; write it without decimals")
    return int(re.split("[.,]", text)[0])


def parse_percent(text: str) -> float:
    """Return the rate of a percentage: 0.22 for 22, 22.0 or 22 %."""
    try:
        rate = float(text.rstrip("% ").replace(",", ".")) / 100
    except ValueError:
        raise AmountError("is not a percentage; write 22 for 22 percent") from None
    return rate


@lru_cache(_REMEMBERED)
def _plain_number(text: str, exponent: int) -> str:
    """Return the number with a decimal point and without thousands separators."""
    text = _CURRENCY.sub(r"\1", _BLANKS.sub(" ", text).strip()).strip()
    match = _NUMBER.fullmatch(text)
    if match is None or not match[2].isascii():
        raise AmountError("is not an amount; write it like 1234.50")
    sign, digits = match[1], match[2].strip()
    separators = [char for char in digits if char in ".,"]
    if len(set(separators)) == 2 and separators.count(separators[-1]) == 1:
        units, decimals = digits.rsplit(separators[-1], 1)
    elif len(separators) == 1 and not _is_group(digits, separators[0], exponent):
        units, decimals = digits.split(separators[0])
    else:
        units, decimals = digits, ""
    if units and not units.isdigit() and not _GROUPS.fullmatch(units):
        raise AmountError("is not an amount; write it like 1234.50")
    if not (decimals == "" or decimals.isdigit()):
        raise AmountError("is not an amount; write it like 1234.50")
    return f"{sign}{re.sub(r'[^0-9]', '', units) or '0'}.{decimals or '0'}"


def _is_group(digits: str, separator: str, exponent: int) -> bool:
    """Return whether the only mark is a thousands separator.

    Raises `AmountError` if the three digits after it can also be decimals.
    """
    units, after = digits.split(separator)
    if len(after) != 3 or not re.fullmatch(r"[1-9]\d{0,2}", units):
        return False
    if exponent == 0:
        return True
    if exponent == 3 and separator == ".":
        return False
    raise AmountError(
        f"is {digits}, which may be {units}{after}.00 or {units}.{after}; write it without a "
        "separator of thousands and with two decimals"
    )


def whole_cents(amounts: Sequence[Decimal]) -> list[int]:
    """Return the amounts in whole cents. Their sum is the rounded sum of the exact amounts.

    Half a cent is rounded up. Whole amounts stay as they are.
    """
    if all(amount == amount.to_integral_value() for amount in amounts):
        return [int(amount) for amount in amounts]
    rounded, total, previous = [], Decimal(0), 0
    for amount in amounts:
        total += amount
        rounded_total = int(total.to_integral_value(ROUND_HALF_UP))
        rounded.append(rounded_total - previous)
        previous = rounded_total
    return rounded


def divide(cents: int, weights: Sequence[int]) -> list[int]:
    """Divide the amount in proportion to the weights, to the cent; equally without weights."""
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    shares, weight, previous = [], 0, 0
    for each in weights:
        weight += each
        rounded_total = (2 * cents * weight + whole) // (2 * whole)
        shares.append(rounded_total - previous)
        previous = rounded_total
    return shares
