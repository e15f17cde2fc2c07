"""The values of copy options that change the copy. People may write an object as a text."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from order_factory.models.values.codes import currency_problem
from order_factory.models.values.json_objects import parse_json
from order_factory.models.values.keys import clean_key, comparison_key
from order_factory.models.values.public_ids import Resource, key_of
from order_factory.models.values.texts import MAX_TEXT, text_problem

# As people write them, for the documentation.
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
    """`{"MUG": 3, "CAP": 0}`, from an object or a text. Raises `ValueError`; None for nothing."""
    return _clean(value, partial(_pieces, least=0), OF_QUANTITIES)


def clean_added_lines(value: Any) -> dict[str, int] | None:
    """`{"CAP": 2}`, from an object or a text. Raises `ValueError`; None for nothing."""
    return _clean(value, partial(_pieces, least=1), OF_ADDED_LINES)


def clean_swaps(value: Any) -> dict[str, str] | None:
    """`{"OLD": "NEW"}`, from an object or a text. Raises `ValueError`; None for nothing."""
    return _clean(value, _other_code, OF_SWAPS)


def clean_customer(value: Any) -> str | None:
    """The comparison key of an email, or the public id of a customer. Raises `ValueError`."""
    text = _clean_text(value)
    if text is None or key_of(Resource.customers, text) is not None:
        return text
    if not _EMAIL.fullmatch(text):
        raise ValueError("must be the email or the id of a customer")
    return comparison_key(text)


def clean_address(value: Any) -> str | None:
    """The public id of an address. Raises `ValueError`; None for nothing."""
    text = _clean_text(value)
    if text is not None and key_of(Resource.addresses, text) is None:
        raise ValueError("must be the id of an address")
    return text


def clean_order(value: Any) -> str | None:
    """The number or the public id of an order. Raises `ValueError`; None for nothing."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return _clean_text(value)


def clean_market(value: Any) -> str | None:
    """The name of a market. Raises `ValueError`; None for nothing."""
    return _clean_text(value)


def clean_currency(value: Any) -> str | None:
    """An ISO 4217 code. Raises `ValueError`; None for nothing."""
    text = _clean_text(value)
    problem = None if text is None else currency_problem(text)
    if problem is not None:
        raise ValueError(problem)
    return text


def clean_notes(value: Any) -> str | None:
    """Notes, which may have several lines. Raises `ValueError`; None for nothing."""
    return _clean_text(value, longest=_LONGEST_NOTES, keep=True)


def _clean_text(value: Any, *, longest: int = MAX_TEXT, keep: bool = False) -> str | None:
    """The text without invisible characters; with `keep` only without the spaces around it."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004  (pydantic shows it)
    problem = text_problem(value, longest)
    if problem is not None:
        raise ValueError(problem)
    return (value.strip() if keep else clean_key(value)) or None


def _clean(value: Any, clean: Clean, forms: tuple[str, ...]) -> dict[str, Any] | None:
    expected = f"must be a JSON object or a text such as {forms[0]}"
    if isinstance(value, str):
        pairs = _pairs_of(value, expected)
    elif value is None or isinstance(value, dict):
        pairs = iter((value or {}).items())
    else:
        raise ValueError(expected)
    found: dict[str, Any] = {}
    for name, each in pairs:
        code = _code(name)
        if code in found:
            raise ValueError(f"must name {code} once")
        found[code] = clean(code, each)
    if len(found) > _MOST_CODES:
        raise ValueError(f"must not name more than {_MOST_CODES:,} SKUs")
    return found or None


def _pairs_of(text: str, expected: str) -> Iterator[tuple[str, Any]]:
    words = text.strip()
    if words.startswith("{"):
        held = parse_json(words)
        if not isinstance(held, dict):
            raise ValueError(expected)
        yield from held.items()
        return
    for pair in filter(None, (each.strip() for each in words.split(","))):
        # A code may have the sign in it, a quantity may not.
        name, sign, each = pair.rpartition("=")
        if not sign:
            raise ValueError(expected)
        yield name, each


def _code(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must name SKUs by their codes")  # noqa: TRY004  (pydantic shows it)
    code = clean_key(value)
    problem = "is empty" if not code else text_problem(code)
    if problem is not None:
        raise ValueError(f"has a SKU code that {problem}")
    return code


def _other_code(code: str, value: Any) -> str:
    other = _code(value)
    if other == code:
        raise ValueError(f"must name another SKU in place of {code}")
    return other


def _pieces(code: str, value: Any, *, least: int) -> int:
    text = str(value).strip()
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        raise ValueError(f"must have a whole number for {code}, {least} or more")
    if not least <= int(text[:20]) <= _MOST_PIECES:
        raise ValueError(f"must have a quantity from {least} to {_MOST_PIECES:,} for {code}")
    return int(text)
