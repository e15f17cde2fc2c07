"""Filters: `filter[q][ATTRIBUTES_MATCHER]=VALUE`, read into conditions of SQL.

Attributes may be joined with `_or_`, and may be reached through relationships
(`source_order_number_eq`). A to-many relationship matches if one of its rows does. Rows that the
caller's mode must not see are excluded everywhere, so no filter can reveal that they exist.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from math import isfinite
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, exists, or_, select

from order_factory.api.errors import wrong_parameter
from order_factory.api.json_text import parse_json
from order_factory.api.query.matchers import BY_LENGTH, MATCHERS, Matcher, Takes
from order_factory.api.query.work import TooMuch, Work
from order_factory.api.resources.description import Relationship, ResourceType, Type
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.settings import api_settings
from order_factory.models.values.public_ids import key_of

# Each value becomes a condition.
_PATTERNS = (Takes.SEVERAL_WORDS, Takes.SEVERAL_PATTERNS)
Filter = Callable[[FromClause, str], ColumnElement[bool]]

_MOST_HOPS = 5
_MOST_PATHS = 20
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_FLAGS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
# Ids have no order, and no part of an id has a meaning.
_OF_IDS = {"eq", "not_eq", "in", "not_in", "null", "not_null", "present", "blank"}
_OF_IDS |= {f"{name}_{form}" for name in ("eq", "not_eq") for form in ("any", "all", "or_null")}
_OF_IDS |= {"in_or_null", "not_in_or_null"}


@dataclass(frozen=True)
class _Path:
    """The path to an attribute: relationships, then the resource, the column and its type."""

    hops: tuple[Relationship, ...]
    resource: ResourceType
    column: str
    type: Type

    @property
    def is_id(self) -> bool:
        return self.column == "id"


class _Wrong(ValueError):
    """What is wrong with a filter's value."""


def parse_filter(
    resource: ResourceType, parameter: str, predicate: str, text: str, work: Work | None = None
) -> Filter:
    """Return the condition of one filter, counted in `work`.

    Raises `ApiError` (400) that names the parameter.
    """
    if len(text) > api_settings().filter_limit:
        raise _not_allowed(parameter, f"has more than {api_settings().filter_limit} characters")
    if "\x00" in text:
        raise _not_allowed(parameter, "contains the character 0")
    paths, name = _parse_predicate(resource, parameter, predicate)
    matcher = MATCHERS[name]
    try:
        values = [_value(path, matcher, text) for path in paths]
        _count(work or Work(), paths, values, matcher)
    except (_Wrong, TooMuch) as error:
        raise _not_allowed(parameter, str(error)) from error
    conditions = [_filter(*each) for each in zip(paths, repeat(matcher), values)]
    return lambda row, mode: or_(*(each(row, mode) for each in conditions))


def _count(work: Work, paths: list[_Path], values: list[Any], matcher: Matcher) -> None:
    """Count what the filter compares. Raises `TooMuch`."""
    several = [len(value) for value in values if isinstance(value, list)]
    # Times are compared as ranges: each value of a list is a condition, as each pattern is.
    ranges = any(path.type == Type.TIME for path in paths)
    work.add(
        steps=sum(1 + len(path.hops) for path in paths),
        values=sum(several) or len(values),
        patterns=sum(several) if ranges or matcher.takes in _PATTERNS else 0,
    )


def _parse_predicate(
    resource: ResourceType, parameter: str, predicate: str
) -> tuple[list[_Path], str]:
    """Return the attributes that a predicate names, and its matcher."""
    for name in BY_LENGTH:
        if not predicate.endswith(f"_{name}"):
            continue
        parts = predicate.removesuffix(f"_{name}").split("_or_")
        if len(parts) > _MOST_PATHS:
            raise _not_allowed(parameter, f"names more than {_MOST_PATHS} attributes")
        paths = [path for part in parts if (path := _find(resource, part)) is not None]
        if len(paths) == len(parts):
            for path in paths:
                _require_fit(parameter, path, name)
            return paths, name
    raise _not_allowed(parameter, f"is no attribute of {resource.name} with a matcher")


def _require_fit(parameter: str, path: _Path, name: str) -> None:
    fits = name in _OF_IDS if path.is_id else path.type in MATCHERS[name].types
    if not fits:
        what = "an id" if path.is_id else f"of the type {path.type}"
        raise _not_allowed(parameter, f"has a matcher that is not for what is {what}")


def _find(resource: ResourceType, words: str, hops: tuple[Relationship, ...] = ()) -> _Path | None:
    """Find the attribute with this name, or one reached through relationships in the name."""
    if words == "id":
        return _Path(hops, resource, "id", Type.TEXT)
    attribute = resource.attribute.get(words)
    if attribute is not None and attribute.column is not None:
        return _Path(hops, resource, attribute.column, attribute.type)
    if len(hops) == _MOST_HOPS:
        return None
    for name, hop in resource.relationship.items():
        if words.startswith(f"{name}_"):
            rest = words.removeprefix(f"{name}_")
            found = _find(RESOURCES[hop.target], rest, (*hops, hop))
            if found is not None:
                return found
    return None


def _filter(path: _Path, matcher: Matcher, value: Any) -> Filter:
    """Return the condition on a row of the first resource, through all relationships."""
    finds_null = matcher.finds_null(value)

    def beyond(row: FromClause, mode: str, hops: tuple[Relationship, ...]) -> ColumnElement[bool]:
        if not hops:
            return matcher.condition(row.c[path.column], value)
        hop, *rest = hops
        target = RESOURCES[hop.target]
        there = target.table.alias()
        visible = target.scope(there, mode)
        if hop.only is not None:
            visible = and_(visible, hop.only(there))
        fits = beyond(there, mode, tuple(rest))
        near = row.c[hop.near]
        rows: FromClause = there
        if hop.through is None:
            meets = there.c[hop.far]
        else:
            between = hop.through.table.alias()
            meets = between.c[hop.through.near]
            rows = there.join(between, there.c[hop.far] == between.c[hop.through.far])
        condition = near.in_(select(meets).select_from(rows).where(visible, fits))
        if finds_null:
            nothing = ~exists().select_from(rows).where(meets == near, visible)
            return or_(condition, nothing)
        return condition

    return lambda row, mode: beyond(row, mode, path.hops)


def _value(path: _Path, matcher: Matcher, text: str) -> Any:
    """Return the filter's value in the type that the database compares. Raises `_Wrong`."""
    match matcher.takes:
        case Takes.FLAG:
            return _flag(text)
        case Takes.WORDS:
            return text
        case Takes.SEVERAL_WORDS:
            return text.split(",")
        case Takes.PATTERN:
            return _check_pattern(text)
        case Takes.SEVERAL_PATTERNS:
            return [_check_pattern(each) for each in text.split(",")]
        case Takes.OBJECT:
            return _check_object(text)
        case Takes.VALUES:
            return [_compared(path, each) for each in text.split(",")]
        case Takes.VALUE:
            return _compared(path, text)


def _compared(path: _Path, text: str) -> Any:
    if path.is_id:
        # No row has the key 0, so an invalid id matches nothing.
        return key_of(path.resource.ids, text) or 0
    match path.type:
        case Type.INTEGER:
            if not _INTEGER.fullmatch(text):
                raise _Wrong("needs an integer of at most 18 digits")
            return int(text)
        case Type.NUMBER:
            if not _NUMBER.fullmatch(text) or not isfinite(float(text)):
                raise _Wrong("needs a number")
            return float(text)
        case Type.BOOLEAN:
            return _flag(text)
        case Type.TIME:
            return _parse_time(text)
        case _:
            return text


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise _Wrong("needs true or false")
    return _FLAGS[text.lower()]


def _parse_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        aware = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        # In the form in which times are shown; see `iso_8601`.
        return aware.replace(microsecond=aware.microsecond // 1000 * 1000)
    except (ValueError, OverflowError) as error:
        raise _Wrong("needs an ISO 8601 time such as 2026-01-15T12:00:00Z") from error


def _check_pattern(text: str) -> str:
    if (len(text) - len(text.rstrip("\\"))) % 2:
        raise _Wrong("ends in an escape character that escapes nothing")
    return text


def _check_object(text: str) -> str:
    try:
        found = parse_json(text.encode())
        written = json.dumps(found)
    except ValueError as error:
        raise _Wrong("needs a JSON object") from error
    if not isinstance(found, dict):
        raise _Wrong("needs a JSON object")
    if "\\u0000" in written.replace("\\\\", ""):
        raise _Wrong("contains the character 0")
    return written


def _not_allowed(parameter: str, message: str) -> Exception:
    detail = f"{parameter} {message}."
    return wrong_parameter("FILTER_NOT_ALLOWED", parameter, "Filter not allowed", detail)
