"""Amounts as the reference shows them: whole cents, a float, and a text for people."""

# ISO 4217: the currencies that are not divided by a hundred.
_WHOLE = {"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"}
_THOUSANDTHS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CHF": "CHF", "INR": "₹", "KRW": "₩"}
# Where a comma stands before the cents and points between the thousands.
_WITH_COMMA = {"EUR", "BRL", "DKK", "NOK", "PLN", "SEK", "TRY", "CZK", "HUF", "RON"}


def as_float(cents: int | None, currency_code: str | None) -> float | None:
    """The amount in units of its currency, only to be shown: nothing is ever computed from it."""
    return None if cents is None else cents / 10 ** _digits(currency_code)


def formatted(cents: int | None, currency_code: str | None) -> str | None:
    """The amount for a person, such as `€1.234,50` or `-$5.00`."""
    if cents is None:
        return None
    digits = _digits(currency_code)
    whole, rest = divmod(abs(cents), 10**digits)
    text = f"{whole:,}" + (f".{rest:0{digits}}" if digits else "")
    if currency_code in _WITH_COMMA:
        text = text.translate(str.maketrans(",.", ".,"))
    sign = "-" if cents < 0 else ""
    code = currency_code or ""
    return f"{sign}{_SYMBOLS.get(code, f'{code} '.lstrip())}{text}"


def _digits(currency_code: str | None) -> int:
    return 0 if currency_code in _WHOLE else 3 if currency_code in _THOUSANDTHS else 2
