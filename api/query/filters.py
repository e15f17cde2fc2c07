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
from order_factory.api.query.matchers import BY_LENGTH, MATCHERS, Matcher, ValueKind
from order_factory.api.query.work import TooMuch, Work
from order_factory.api.resources.description import Relationship, ResourceType, Type
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.settings import api_settings
from order_factory.models.values.public_ids import parse_public_id

# Each value becomes a condition.
_PATTERNS = (ValueKind.SEVERAL_WORDS, ValueKind.SEVERAL_PATTERNS)
Filter = Callable[[FromClause, str], ColumnElement[bool]]

_MOST_HOPS = 5
_MOST_PATHS = 20
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_FLAGS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
# Ids have no order, and no part of an id has a meaning.
_ID_MATCHERS = {"eq", "not_eq", "in", "not_in", "null", "not_null", "present", "blank"}
_ID_MATCHERS |= {
    f"{name}_{form}" for name in ("eq", "not_eq") for form in ("any", "all", "or_null")
}
_ID_MATCHERS |= {"in_or_null", "not_in_or_null"}


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


class _InvalidValue(ValueError):
    """The value of a filter is invalid; the message says what is wrong."""


def parse_filter(
    resource: ResourceType, parameter: str, predicate: str, text: str, work: Work | None = None
) -> Filter:
    """Return the condition of one filter, counted in `work`.

    Raises `ApiError` (400) that names the parameter.
    """
    if len(text) > api_settings().filter_limit:
        raise _refuse_filter(parameter, f"has more than {api_settings().filter_limit} characters")
    if "\x00" in text:
        raise _refuse_filter(parameter, "contains the character 0")
    paths, name = _parse_predicate(resource, parameter, predicate)
    matcher = MATCHERS[name]
    try:
        values = [_parse_values(path, matcher, text) for path in paths]
        _count_work(work or Work(), paths, values, matcher)
    except (_InvalidValue, TooMuch) as error:
        raise _refuse_filter(parameter, str(error)) from error
    conditions = [_build_filter(*each) for each in zip(paths, repeat(matcher), values)]
    return lambda row, mode: or_(*(each(row, mode) for each in conditions))


def _count_work(work: Work, paths: list[_Path], values: list[Any], matcher: Matcher) -> None:
    """Count the comparisons of the filter. Raises `TooMuch`."""
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
            raise _refuse_filter(parameter, f"names more than {_MOST_PATHS} attributes")
        paths = [path for part in parts if (path := _find_path(resource, part)) is not None]
        if len(paths) == len(parts):
            for path in paths:
                _require_matcher(parameter, path, name)
            return paths, name
    raise _refuse_filter(parameter, f"is not an attribute of {resource.name} with a matcher")


def _require_matcher(parameter: str, path: _Path, name: str) -> None:
    fits = name in _ID_MATCHERS if path.is_id else path.type in MATCHERS[name].types
    if not fits:
        kind = "an id" if path.is_id else f"an attribute of the type {path.type}"
        raise _refuse_filter(parameter, f"has a matcher that does not apply to {kind}")


def _find_path(
    resource: ResourceType, words: str, hops: tuple[Relationship, ...] = ()
) -> _Path | None:
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
            remaining_words = words.removeprefix(f"{name}_")
            path = _find_path(RESOURCES[hop.target], remaining_words, (*hops, hop))
            if path is not None:
                return path
    return None


def _build_filter(path: _Path, matcher: Matcher, value: Any) -> Filter:
    """Return the condition on a row of the first resource, through all relationships."""
    finds_null = matcher.finds_null(value)

    def follow(row: FromClause, mode: str, hops: tuple[Relationship, ...]) -> ColumnElement[bool]:
        if not hops:
            return matcher.condition(row.c[path.column], value)
        hop, *other_hops = hops
        target = RESOURCES[hop.target]
        other = target.table.alias()
        visible = target.scope(other, mode)
        if hop.only is not None:
            visible = and_(visible, hop.only(other))
        matches = follow(other, mode, tuple(other_hops))
        near = row.c[hop.near]
        rows: FromClause = other
        if hop.through is None:
            link = other.c[hop.far]
        else:
            between = hop.through.table.alias()
            link = between.c[hop.through.near]
            rows = other.join(between, other.c[hop.far] == between.c[hop.through.far])
        condition = near.in_(select(link).select_from(rows).where(visible, matches))
        if finds_null:
            nothing = ~exists().select_from(rows).where(link == near, visible)
            return or_(condition, nothing)
        return condition

    return lambda row, mode: follow(row, mode, path.hops)


def _parse_values(path: _Path, matcher: Matcher, text: str) -> Any:
    """Return the filter's value in the type that the database compares. Raises `_InvalidValue`."""
    match matcher.takes:
        case ValueKind.FLAG:
            return _parse_flag(text)
        case ValueKind.WORDS:
            return text
        case ValueKind.SEVERAL_WORDS:
            return text.split(",")
        case ValueKind.PATTERN:
            return _check_pattern(text)
        case ValueKind.SEVERAL_PATTERNS:
            return [_check_pattern(each) for each in text.split(",")]
        case ValueKind.OBJECT:
            return _check_object(text)
        case ValueKind.VALUES:
            return [_parse_value(path, each) for each in text.split(",")]
        case ValueKind.VALUE:
            return _parse_value(path, text)


def _parse_value(path: _Path, text: str) -> Any:
    if path.is_id:
        # No row has the key 0, so an invalid id matches nothing.
        return parse_public_id(path.resource.ids, text) or 0
    match path.type:
        case Type.INTEGER:
            if not _INTEGER.fullmatch(text):
                raise _InvalidValue("needs an integer of at most 18 digits")
            return int(text)
        case Type.NUMBER:
            if not _NUMBER.fullmatch(text) or not isfinite(float(text)):
                raise _InvalidValue("needs a number")
            return float(text)
        case Type.BOOLEAN:
            return _parse_flag(text)
        case Type.TIME:
            return _parse_time(text)
        case _:
            return text


def _parse_flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise _InvalidValue("needs true or false")
    return _FLAGS[text.lower()]


def _parse_time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        aware = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
        # In the form in which times are shown; see `iso_8601`.
        return aware.replace(microsecond=aware.microsecond // 1000 * 1000)
    except (ValueError, OverflowError) as error:
        raise _InvalidValue("needs an ISO 8601 time such as 2026-01-15T12:00:00Z") from error


def _check_pattern(text: str) -> str:
    if (len(text) - len(text.rstrip("\\"))) % 2:
        raise _InvalidValue("ends in an escape character that escapes nothing")
    return text


def _check_object(text: str) -> str:
    try:
        value = parse_json(text.encode())
        written = json.dumps(value)
    except ValueError as error:
        raise _InvalidValue("needs a JSON object") from error
    if not isinstance(value, dict):
        raise _InvalidValue("needs a JSON object")
    if "\\u0000" in written.replace("\\\\", ""):
        raise _InvalidValue("contains the character 0")
    return written


def _refuse_filter(parameter: str, message: str) -> Exception:
    detail = f"{parameter} {message}."
    return wrong_parameter("FILTER_NOT_ALLOWED", parameter, "Filter not allowed", detail)
