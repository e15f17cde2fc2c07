"""The values of copy options that change the copy. People may write an object as a text."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from order_factory.models.values.codes import find_currency_problem
from order_factory.models.values.json_objects import parse_json
from order_factory.models.values.keys import clean_key, comparison_key
from order_factory.models.values.public_ids import Resource, parse_public_id
from order_factory.models.values.texts import MAX_TEXT, find_text_problem

# Examples of values as people write them, for the documentation.
OF_QUANTITIES = ("MUG=3,CAP=0",)
OF_SWAPS = ("OLD=NEW",)
OF_ADDED_LINES = ("CAP=2",)
OF_CUSTOMERS = ("ada@example.com",)
OF_CURRENCIES = ("USD",)
OF_ORDERS = ("1001",)
_MOST_PIECES = 1_000_000
_MOST_CODES = 1_000
_LONGEST_NOTES = 10_000
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

Clean = Callable[[str, Any], Any]


def clean_quantities(value: Any) -> dict[str, int] | None:
    """Return `{"MUG": 3}` from an object or a text, or None if empty. Raises `ValueError`."""
    return _clean_object(value, partial(_clean_quantity, least=0), OF_QUANTITIES)


def clean_added_lines(value: Any) -> dict[str, int] | None:
    """Return `{"CAP": 2}` from an object or a text, or None if empty. Raises `ValueError`."""
    return _clean_object(value, partial(_clean_quantity, least=1), OF_ADDED_LINES)


def clean_swaps(value: Any) -> dict[str, str] | None:
    """Return `{"OLD": "NEW"}` from an object or a text, or None if empty. Raises `ValueError`."""
    return _clean_object(value, _clean_other_code, OF_SWAPS)


def clean_customer(value: Any) -> str | None:
    """Return an email's comparison key, or the public id of a customer. Raises `ValueError`."""
    text = _clean_text(value)
    if text is None or parse_public_id(Resource.customers, text) is not None:
        return text
    if not _EMAIL.fullmatch(text):
        raise ValueError("must be the email or the id of a customer")
    return comparison_key(text)


def clean_address(value: Any) -> str | None:
    """Return the reference or the public id of an address, or None if empty."""
    return _clean_text(value)


def clean_order(value: Any) -> str | None:
    """Return the number or the public id of an order, or None if empty. Raises `ValueError`."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return _clean_text(value)


def clean_market(value: Any) -> str | None:
    """Return the name of a market, or None if empty. Raises `ValueError`."""
    return _clean_text(value)


def clean_currency(value: Any) -> str | None:
    """Return an ISO 4217 code, or None if empty. Raises `ValueError`."""
    text = _clean_text(value)
    problem = None if text is None else find_currency_problem(text)
    if problem is not None:
        raise ValueError(problem)
    return text


def clean_notes(value: Any) -> str | None:
    """Return notes, which may have several lines, or None if empty. Raises `ValueError`."""
    return _clean_text(value, longest=_LONGEST_NOTES, keep=True)


def _clean_text(value: Any, *, longest: int = MAX_TEXT, keep: bool = False) -> str | None:
    """Return the text without invisible characters and outer spaces, or None if empty.

    With `keep`, the invisible characters stay.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004  (pydantic shows it)
    problem = find_text_problem(value, longest)
    if problem is not None:
        raise ValueError(problem)
    return (value.strip() if keep else clean_key(value)) or None


def _clean_object(value: Any, clean: Clean, forms: tuple[str, ...]) -> dict[str, Any] | None:
    expected = f"must be a JSON object or a text such as {forms[0]}"
    if isinstance(value, str):
        pairs = _read_pairs(value, expected)
    elif value is None or isinstance(value, dict):
        pairs = iter((value or {}).items())
    else:
        raise ValueError(expected)
    cleaned: dict[str, Any] = {}
    for name, each in pairs:
        code = _clean_code(name)
        if code in cleaned:
            raise ValueError(f"must name {code} once")
        cleaned[code] = clean(code, each)
    if len(cleaned) > _MOST_CODES:
        raise ValueError(f"must not name more than {_MOST_CODES:,} SKUs")
    return cleaned or None


def _read_pairs(text: str, expected: str) -> Iterator[tuple[str, Any]]:
    stripped = text.strip()
    if stripped.startswith("{"):
        parsed = parse_json(stripped)
        if not isinstance(parsed, dict):
            raise ValueError(expected)
        yield from parsed.items()
        return
    for pair in filter(None, (each.strip() for each in stripped.split(","))):
        # A code may contain the sign =, but a quantity may not.
        name, sign, each = pair.rpartition("=")
        if not sign:
            raise ValueError(expected)
        yield name, each


def _clean_code(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must name SKUs by their codes")  # noqa: TRY004  (pydantic shows it)
    code = clean_key(value)
    problem = "is empty" if not code else find_text_problem(code)
    if problem is not None:
        raise ValueError(f"has a SKU code that {problem}")
    return code


def _clean_other_code(code: str, value: Any) -> str:
    other = _clean_code(value)
    if other == code:
        raise ValueError(f"must name another SKU in place of {code}")
    return other


def _clean_quantity(code: str, value: Any, *, least: int) -> int:
    text = str(value).strip()
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        raise ValueError(f"must have a whole number for {code}, {least} or more")
    if not least <= int(text[:20]) <= _MOST_PIECES:
        raise ValueError(f"must have a quantity from {least} to {_MOST_PIECES:,} for {code}")
    return int(text)
