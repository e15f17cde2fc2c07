"""Attributes that clients may set, and the rules for their values."""

import json
import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

from order_factory.api.resources.description import Broken, Type, Writable
from order_factory.models.requests.copies import MAX_METADATA, MAX_TEXT, OPTIONS
from order_factory.models.values.stock_policies import StockPolicy

LONG_TEXT = 10_000
# Far from the ends of a 64-bit number, so that a sum of many never passes them.
MOST = 10**12
_DEEPEST = 50
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def text(name: str, *, longest: int = MAX_TEXT, **options: Any) -> Writable:
    return Writable(name, Type.TEXT, partial(_text, longest=longest), **options)


def email(name: str, **options: Any) -> Writable:
    return _like(name, _EMAIL, "must be an email address", **options)


def country(name: str, **options: Any) -> Writable:
    rule = "must be an ISO 3166-1 alpha-2 code such as IT"
    return _like(name, _COUNTRY, rule, **options)


def currency(name: str, **options: Any) -> Writable:
    return _like(name, _CURRENCY, "must be an ISO 4217 code such as EUR", **options)


def flag(name: str, **options: Any) -> Writable:
    """True or false; null leaves the default."""
    return Writable(name, Type.BOOLEAN, _boolean, **{"nullable": False, **options})


def integer(name: str, *, least: int = -MOST, most: int = MOST, **options: Any) -> Writable:
    return Writable(name, Type.INTEGER, partial(_integer, least=least, most=most), **options)


def number(name: str, *, least: float, most: float, **options: Any) -> Writable:
    return Writable(name, Type.NUMBER, partial(_number, least=least, most=most), **options)


def choice(name: str, one_of: tuple[str, ...], **options: Any) -> Writable:
    return Writable(name, Type.TEXT, partial(_choice, one_of=one_of), one_of=one_of, **options)


def json_object(name: str, **options: Any) -> Writable:
    return Writable(name, Type.OBJECT, _object, **options)


def time(name: str, **options: Any) -> Writable:
    return Writable(name, Type.TIME, _time, **options)


def copy_options(**options: Any) -> tuple[Writable, ...]:
    """How an order is to be copied; null leaves the default."""
    flags = (flag(name, **options) for name in OPTIONS if name != "stock")
    return (*flags, choice("stock", tuple(StockPolicy), **{"nullable": False, **options}))


def common() -> tuple[Writable, ...]:
    """What the caller may always set."""
    return (text("reference"), text("reference_origin"), json_object("metadata"))


def _like(name: str, pattern: re.Pattern[str], rule: str, **options: Any) -> Writable:
    def check(value: Any) -> str:
        found = _text(value, longest=MAX_TEXT)
        if not pattern.fullmatch(found):
            raise Broken(rule)
        return found

    return Writable(name, Type.TEXT, check, **options)


def _text(value: Any, *, longest: int) -> str:
    if not isinstance(value, str):
        raise Broken("must be a text")
    if len(value) > longest:
        raise Broken(f"is too long (maximum is {longest} characters)")
    if "\x00" in value:
        raise Broken("must not hold the character 0")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Broken("must be true or false")
    return value


def _integer(value: Any, *, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Broken("must be an integer")
    _within(value, least, most)
    return value


def _number(value: Any, *, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Broken("must be a number")
    _within(value, least, most)
    return float(value)


def _within(value: float, least: float, most: float) -> None:
    if value < least:
        raise Broken(f"must be greater than or equal to {least}")
    if value > most:
        raise Broken(f"must be less than or equal to {most}")


def _choice(value: Any, *, one_of: tuple[str, ...]) -> str:
    if value not in one_of:
        raise Broken(f"must be one of {', '.join(one_of)}")
    return str(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Broken("must be an object")
    if not _is_within(value, _DEEPEST):
        raise Broken(f"is nested more than {_DEEPEST} deep")
    written = json.dumps(value, ensure_ascii=False)
    if len(written) > MAX_METADATA:
        raise Broken(f"is too long (maximum is {MAX_METADATA} characters of JSON)")
    if "\\u0000" in written.replace("\\\\", ""):
        raise Broken("must not hold the character 0")
    return value


def _is_within(value: Any, depth: int) -> bool:
    """Whether objects and lists are nested at most so deep."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_within(each, depth - 1) for each in inner)


def _time(value: Any) -> datetime:
    return parse_time(value, "must be an ISO 8601 time with a zone such as 2026-01-15T12:00:00Z")


def parse_time(value: Any, rule: str) -> datetime:
    """The point in time that a text names. Raises `Broken` with the rule."""
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise Broken(rule)
        return found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise Broken(rule) from error
