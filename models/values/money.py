"""Currencies and how their amounts are shown: the only place that knows a currency's decimals.

Amounts are whole numbers of the currency's smallest unit, called cents for short. A yen has no
smaller unit: 1,500 JPY are 1500 cents. A Kuwaiti dinar has 1,000 of them.
"""

from decimal import Decimal
from functools import lru_cache

from babel.numbers import get_currency_symbol
from iso4217 import Currency

# Currencies withdrawn since 2010, with their former exponents in ISO 4217. Online shops still have
# and import orders in them.
_WITHDRAWN = {"BYR": 0} | dict.fromkeys(
    ("ANG", "BGN", "CUC", "EEK", "HRK", "LTL", "LVL", "MRO", "SLL", "STD", "VEF", "ZMK", "ZWL"), 2
)
# A cache: most amounts of a shop are zero or one of few prices.
_REMEMBERED = 16_384
# A comma before the cents, points between the thousands: €1.234,50.
_WITH_DECIMAL_COMMA = frozenset(
    {"EUR", "BRL", "DKK", "NOK", "PLN", "SEK", "TRY", "CZK", "HUF", "RON"}
)
_COMMAS_AND_POINTS = str.maketrans(",.", ".,")

# Metals, funds and test codes have no exponent, and no order uses them.
_EXPONENTS: dict[str, int] = _WITHDRAWN | {
    currency.value: currency.exponent for currency in Currency if currency.exponent is not None
}
CURRENCY_CODES = frozenset(_EXPONENTS)


def exponent_of(currency_code: str) -> int:
    """The number of decimals of the currency: EUR 2, JPY 0, KWD 3, CLF 4 (ISO 4217).

    Raises `ValueError` if the code is not a currency.
    """
    try:
        return _EXPONENTS[currency_code]
    except KeyError:
        raise ValueError(f"{currency_code!r} is not an ISO 4217 currency code") from None


@lru_cache(maxsize=_REMEMBERED)
def to_decimal(cents: int, currency_code: str | None) -> Decimal:
    """The exact amount in units of its currency, such as 12.50; two decimals without a currency."""
    return Decimal(cents).scaleb(-_EXPONENTS.get(currency_code or "", 2))


@lru_cache(maxsize=_REMEMBERED)
def to_float(cents: int, currency_code: str | None) -> float:
    """The amount as a number that is only shown; nothing is computed from it."""
    return float(to_decimal(cents, currency_code))


def format_money(cents: int, currency_code: str | None) -> str:
    """The amount for a person, with the currency code: `1,234.50 EUR`, `-1,500 JPY`."""
    return f"{_digits(cents, currency_code)} {currency_code or ''}".rstrip()


@lru_cache(maxsize=_REMEMBERED)
def format_price(cents: int, currency_code: str | None) -> str:
    """The amount as a shop shows it, with the symbol: `€1.234,50`, `-¥1,500`, `KWD 5.000`."""
    code = currency_code or ""
    digits = _digits(abs(cents), code)
    if code in _WITH_DECIMAL_COMMA:
        digits = digits.translate(_COMMAS_AND_POINTS)
    return f"{'-' if cents < 0 else ''}{_symbol(code)}{digits}"


@lru_cache
def _symbol(code: str) -> str:
    symbol = get_currency_symbol(code, locale="en") if code else ""
    return f"{code} " if symbol[-1:].isalpha() else symbol


@lru_cache(maxsize=_REMEMBERED)
def show_amount(cents: int, currency_code: str | None) -> tuple[float, str]:
    """The amount as a number that is only shown, and as a price."""
    return to_float(cents, currency_code), format_price(cents, currency_code)


def _digits(cents: int, currency_code: str | None) -> str:
    """Format with all decimals of the currency and commas between the thousands.

    A list shows hundreds of prices, and `babel.numbers.format_decimal` takes 30 times as long.
    """
    decimals = _EXPONENTS.get(currency_code or "", 2)
    return f"{to_decimal(cents, currency_code):,.{decimals}f}"
