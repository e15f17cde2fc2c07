"""Currencies and the formats of their amounts. Only this module knows a currency's decimals.

Amounts are whole numbers of the currency's smallest unit, called cents for short. A yen has no
smaller unit: 1,500 JPY are 1500 cents. A Kuwaiti dinar has 1,000 cents.
"""

from decimal import Decimal
from functools import lru_cache

from babel.numbers import get_currency_symbol
from iso4217 import Currency

# Currencies withdrawn since 2010, with their former exponents in ISO 4217. Online shops still have
# orders in these currencies, and import them.
_WITHDRAWN = {"BYR": 0} | dict.fromkeys(
    ("ANG", "BGN", "CUC", "EEK", "HRK", "LTL", "LVL", "MRO", "SLL", "STD", "VEF", "ZMK", "ZWL"), 2
)
# The size of the caches: most amounts of a shop are zero or one of few prices.
_CACHE_SIZE = 16_384
# These have a comma before the cents and points between the thousands: €1.234,50.
_WITH_DECIMAL_COMMA = frozenset(
    {"EUR", "BRL", "DKK", "NOK", "PLN", "SEK", "TRY", "CZK", "HUF", "RON"}
)
_COMMAS_AND_POINTS = str.maketrans(",.", ".,")

# Metals, funds and test codes have no exponent, and no order uses them.
_EXPONENTS: dict[str, int] = _WITHDRAWN | {
    currency.value: currency.exponent for currency in Currency if currency.exponent is not None
}
CURRENCY_CODES = frozenset(_EXPONENTS)


def get_exponent(currency_code: str) -> int:
    """Return the number of decimals of the currency: EUR 2, JPY 0, KWD 3, CLF 4 (ISO 4217).

    Raises `ValueError` if the code is not a currency.
    """
    try:
        return _EXPONENTS[currency_code]
    except KeyError:
        raise ValueError(f"{currency_code!r} is not an ISO 4217 currency code") from None


@lru_cache(maxsize=_CACHE_SIZE)
def to_decimal(cents: int, currency_code: str | None) -> Decimal:
    """Return the exact amount in units, such as 12.50. Without a currency, it has two decimals."""
    return Decimal(cents).scaleb(-_EXPONENTS.get(currency_code or "", 2))


@lru_cache(maxsize=_CACHE_SIZE)
def to_float(cents: int, currency_code: str | None) -> float:
    """Return the amount as a number for display only. Nothing may be computed from it."""
    return float(to_decimal(cents, currency_code))


def format_money(cents: int, currency_code: str | None) -> str:
    """Return the amount for a person, with the currency code: `1,234.50 EUR`, `-1,500 JPY`."""
    return f"{_format_digits(cents, currency_code)} {currency_code or ''}".rstrip()


@lru_cache(maxsize=_CACHE_SIZE)
def format_price(cents: int, currency_code: str | None) -> str:
    """Return the amount with the currency symbol: `€1.234,50`, `-¥1,500`, `KWD 5.000`."""
    code = currency_code or ""
    digits = _format_digits(abs(cents), code)
    if code in _WITH_DECIMAL_COMMA:
        digits = digits.translate(_COMMAS_AND_POINTS)
    return f"{'-' if cents < 0 else ''}{_find_symbol(code)}{digits}"


@lru_cache
def _find_symbol(code: str) -> str:
    symbol = get_currency_symbol(code, locale="en") if code else ""
    return f"{code} " if symbol[-1:].isalpha() else symbol


@lru_cache(maxsize=_CACHE_SIZE)
def show_amount(cents: int, currency_code: str | None) -> tuple[float, str]:
    """Return the amount as a number for display only, and as a price."""
    return to_float(cents, currency_code), format_price(cents, currency_code)


def _format_digits(cents: int, currency_code: str | None) -> str:
    """Format with all decimals of the currency and commas between the thousands.

    `babel.numbers.format_decimal` takes 30 times as long, and a list shows hundreds of prices.
    """
    decimals = _EXPONENTS.get(currency_code or "", 2)
    return f"{to_decimal(cents, currency_code):,.{decimals}f}"
