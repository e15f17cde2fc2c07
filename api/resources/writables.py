"""Attributes that clients may set, and the rules for their values."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from order_factory.api.resources.description import Broken, Type, Writable
from order_factory.models.values.codes import find_country_problem, find_currency_problem
from order_factory.models.values.copy_options import COPY_CHANGES, COPY_OPTIONS, CopyOption
from order_factory.models.values.json_objects import find_json_problem
from order_factory.models.values.keys import clean_key
from order_factory.models.values.texts import MAX_TEXT, find_text_problem

LONG_TEXT = 10_000
# Far below the limits of a 64-bit number, so that sums stay within them.
MOST = 10**12
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def text(name: str, *, longest: int = MAX_TEXT, **options: Any) -> Writable:
    return Writable(name, Type.TEXT, partial(_text, longest=longest), **options)


def email(name: str, **options: Any) -> Writable:
    return _like(name, _EMAIL, "must be an email address", **options)


def country(name: str, **options: Any) -> Writable:
    return _code(name, find_country_problem, **options)


def currency(name: str, **options: Any) -> Writable:
    return _code(name, find_currency_problem, **options)


def flag(name: str, **options: Any) -> Writable:
    """Return a writable flag. Null means the default."""
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
    """Return the copy options of a request. Null means the default."""
    given = {"nullable": False, **options}
    return tuple(_copy_option(option, given) for option in COPY_OPTIONS)


def copy_changes(**options: Any) -> tuple[Writable, ...]:
    """Return the changes of a requested copy. Null means no change."""
    return tuple(
        Writable(
            change.name,
            Type.OBJECT if change.type is dict else Type.TEXT,
            partial(_change, change=change),
            **options,
        )
        for change in COPY_CHANGES
    )


def _copy_option(option: CopyOption, given: dict[str, Any]) -> Writable:
    if option.type is bool:
        return flag(option.name, **given)
    if option.clean is None:
        return choice(option.name, option.values, **given)
    return Writable(option.name, Type.TEXT, partial(_rule, clean=option.clean), **given)


def common() -> tuple[Writable, ...]:
    """Return the attributes that a client may set on every resource."""
    return (text("reference"), text("reference_origin"), json_object("metadata"))


def _code(name: str, problem_of: Callable[[str], str | None], **options: Any) -> Writable:
    def check(value: Any) -> str:
        text_value = _text(value, longest=MAX_TEXT)
        problem = problem_of(text_value)
        if problem is not None:
            raise Broken(problem)
        return text_value

    return Writable(name, Type.TEXT, check, **options)


def _like(name: str, pattern: re.Pattern[str], rule: str, **options: Any) -> Writable:
    def check(value: Any) -> str:
        found = clean_key(_text(value, longest=MAX_TEXT))
        if not pattern.fullmatch(found):
            raise Broken(rule)
        return found

    return Writable(name, Type.TEXT, check, **options)


def _text(value: Any, *, longest: int) -> str:
    if not isinstance(value, str):
        raise Broken("must be a text")
    if len(value) > longest:  # in the words of the reference
        raise Broken(f"is too long (maximum is {longest} characters)")
    problem = find_text_problem(value, longest)
    if problem is not None:
        raise Broken(problem)
    return value


def _rule(value: Any, *, clean: Callable[[str], str]) -> str:
    text_value = _text(value, longest=MAX_TEXT)
    try:
        return clean(text_value)
    except ValueError as error:
        raise Broken(str(error)) from None


def _change(value: Any, *, change: CopyOption) -> Any:
    if change.type is dict:
        value = _object(value)
    assert change.clean
    try:
        return change.clean(value)
    except ValueError as error:
        raise Broken(str(error)) from None


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
    problem = find_json_problem(value)
    if problem is not None:
        raise Broken(problem)
    return value


def _time(value: Any) -> datetime:
    return parse_time(value, "must be an ISO 8601 time with a zone such as 2026-01-15T12:00:00Z")


def parse_time(value: Any, rule: str) -> datetime:
    """Parse a point in time. Raises `Broken` with the rule."""
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise Broken(rule)
        return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise Broken(rule) from error
