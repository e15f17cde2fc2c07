"""Check the codes of currencies and countries, and suggest the right one."""

import pycountry

from order_factory.models.values.countries import COUNTRY_CODES
from order_factory.models.values.money import CURRENCY_CODES

# Common mistakes: what people write -> the right code.
_USUAL_MISTAKES = {"UK": "GB", "EL": "GR"}


def find_currency_problem(code: str) -> str | None:
    """Return what is wrong with a currency code, or None if it is valid."""
    if code in CURRENCY_CODES:
        return None
    known = code.strip().upper()
    hint = f"write {known}" if known in CURRENCY_CODES else "write a code such as EUR"
    return f"is {_quote_code(code)}no ISO 4217 currency code; {hint}"


def find_country_problem(code: str) -> str | None:
    """Return what is wrong with a country code, or None if it is valid."""
    if code in COUNTRY_CODES:
        return None
    country = _suggest_country(code.strip())
    hint = f"write {country[0]} for {country[1]}" if country else "write a code such as IT"
    return f"is {_quote_code(code)}no ISO 3166 country code of two letters; {hint}"


def _quote_code(code: str) -> str:
    """Return the code for a message, or nothing if it may be other, private data."""
    return f"{code}, " if len(code) <= 3 and code.isalnum() else ""


def _suggest_country(text: str) -> tuple[str, str] | None:
    text = _USUAL_MISTAKES.get(text.upper(), text)
    try:
        country = pycountry.countries.lookup(text)
    except LookupError:
        return None
    return str(country.alpha_2), str(country.name)
