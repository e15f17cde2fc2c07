"""The matchers at the end of a predicate: `eq`, `in`, `cont_any`, ...

`matches`, `start`, `end`, `cont` and their opposites ignore the case of ASCII letters; the others
compare exactly. As in SQL, only the matchers for null match an attribute that is null. Times are
compared to the millisecond, the precision in which they are shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    and_,
    bindparam,
    false,
    func,
    literal,
    not_,
    or_,
    true,
)

from order_factory.api.resources.description import Type
from order_factory.models.database.dialects import Moment, bytewise, json_contains

Condition = ColumnElement[bool]
Matches = Callable[[ColumnElement[Any], Any], Condition]


class ValueKind(Enum):
    """The kind of value that a matcher takes: one, several, a flag, words, a pattern, an object."""

    VALUE = auto()
    VALUES = auto()
    FLAG = auto()
    WORDS = auto()
    SEVERAL_WORDS = auto()
    PATTERN = auto()
    SEVERAL_PATTERNS = auto()
    OBJECT = auto()


@dataclass(frozen=True)
class Matcher:
    """One matcher: the values that it takes, the types of its attributes, and its condition.

    `finds_null` says, for a value, whether the matcher holds for null.
    """

    takes: ValueKind
    types: frozenset[Type]
    condition: Matches
    finds_null: Callable[[Any], bool] = lambda _value: False


_ORDERED = frozenset({Type.TEXT, Type.INTEGER, Type.NUMBER, Type.TIME})
_PLAIN = _ORDERED | {Type.BOOLEAN}
_ALL = _PLAIN | {Type.OBJECT}
_TEXT = frozenset({Type.TEXT})
_ESCAPE = "\\"
_MILLISECOND = timedelta(milliseconds=1)


def _parameter(value: Any) -> Any:
    """Return the value as a parameter of a wide enough type, even if the column is narrower."""
    if isinstance(value, datetime):
        return literal(value, Moment())
    if isinstance(value, int) and not isinstance(value, bool):
        return literal(value, BigInteger())
    return value


def _comparable(column: ColumnElement[Any], value: Any) -> ColumnElement[Any]:
    """Return the expression to compare: texts by code points, independent of the locale."""
    return bytewise(column) if isinstance(value, str) else column


def _less(column: ColumnElement[Any], value: Any) -> Condition:
    less: Condition = _comparable(column, value) < _parameter(value)
    return less


def _less_or_equal(column: ColumnElement[Any], value: Any) -> Condition:
    if isinstance(value, datetime):
        return _less(column, _next(value))
    condition: Condition = _comparable(column, value) <= _parameter(value)
    return condition


def _greater(column: ColumnElement[Any], value: Any) -> Condition:
    if isinstance(value, datetime):
        return _greater_or_equal(column, _next(value))
    greater: Condition = _comparable(column, value) > _parameter(value)
    return greater


def _greater_or_equal(column: ColumnElement[Any], value: Any) -> Condition:
    condition: Condition = _comparable(column, value) >= _parameter(value)
    return condition


def _equal(column: ColumnElement[Any], value: Any) -> Condition:
    if isinstance(value, datetime):
        return and_(_greater_or_equal(column, value), _less(column, _next(value)))
    equal: Condition = column == _parameter(value)
    return equal


def _different(column: ColumnElement[Any], value: Any) -> Condition:
    if isinstance(value, datetime):
        return or_(_less(column, value), _greater_or_equal(column, _next(value)))
    different: Condition = column != _parameter(value)
    return different


def _next(value: datetime) -> datetime:
    """Return the next millisecond, because times are compared to the millisecond."""
    try:
        return value + _MILLISECOND
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _with_least(matches: Matches) -> Matches:
    return lambda column, values: matches(column, min(values))


def _with_greatest(matches: Matches) -> Matches:
    return lambda column, values: matches(column, max(values))


def _some_different(column: ColumnElement[Any], values: list[Any]) -> Condition:
    """Whether the column differs from at least one value; any value does if there are several."""
    return column.is_not(None) if len(set(values)) > 1 else _different(column, values[0])


def _all_equal(column: ColumnElement[Any], values: list[Any]) -> Condition:
    return false() if len(set(values)) > 1 else _equal(column, values[0])


def _matches(column: ColumnElement[Any], pattern: str) -> Condition:
    return func.lower(bytewise(column)).like(_lower(pattern), escape=_ESCAPE)


def _start(column: ColumnElement[Any], words: str) -> Condition:
    return _matches(column, f"{_escape(words)}%")


def _end(column: ColumnElement[Any], words: str) -> Condition:
    return _matches(column, f"%{_escape(words)}")


def _contains(column: ColumnElement[Any], words: str) -> Condition:
    return _matches(column, f"%{_escape(words)}%")


def _escape(words: str) -> str:
    return words.replace(_ESCAPE, _ESCAPE * 2).replace("%", r"\%").replace("_", r"\_")


def _lower(text: str) -> str:
    """Return the text with ASCII letters in lower case, as both databases do here."""
    return "".join(each.lower() if each.isascii() else each for each in text)


def _opposite(matches: Matches) -> Matches:
    return lambda column, value: not_(matches(column, value))


def _any(matches: Matches) -> Matches:
    return lambda column, values: or_(false(), *(matches(column, value) for value in values))


def _all(matches: Matches) -> Matches:
    return lambda column, values: and_(true(), *(matches(column, value) for value in values))


def _or_null(matches: Matches) -> Matches:
    return lambda column, value: or_(matches(column, value), column.is_(None))


def _in(column: ColumnElement[Any], values: list[Any]) -> Condition:
    if isinstance(values[0], datetime):
        return or_(*(_equal(column, value) for value in values))
    if isinstance(values[0], int) and not isinstance(values[0], bool):
        return column.in_(bindparam(None, values, BigInteger(), expanding=True, unique=True))
    return column.in_(values)


def _not_in(column: ColumnElement[Any], values: list[Any]) -> Condition:
    return not_(_in(column, values))


def _null(column: ColumnElement[Any], yes: bool) -> Condition:
    return column.is_(None) if yes else column.is_not(None)


def _blank(column: ColumnElement[Any], yes: bool) -> Condition:
    """Whether the column is null or an empty text."""
    if isinstance(column.type, String):
        empty = func.coalesce(column, "") == ""
        return empty if yes else not_(empty)
    return _null(column, yes)


def _true(column: ColumnElement[Any], yes: bool) -> Condition:
    return column == (literal(True) if yes else literal(False))


def _false(column: ColumnElement[Any], yes: bool) -> Condition:
    return _true(column, not yes)


def _contains_object(column: ColumnElement[Any], text: str) -> Condition:
    return json_contains(column, literal(text))


def _always(_value: Any) -> bool:
    return True


def _if_yes(yes: bool) -> bool:
    return yes


def _if_no(yes: bool) -> bool:
    return not yes


def _make_matchers() -> dict[str, Matcher]:
    made = {
        "in": Matcher(ValueKind.VALUES, _PLAIN, _in),
        "not_in": Matcher(ValueKind.VALUES, _PLAIN, _not_in),
        "null": Matcher(ValueKind.FLAG, _ALL, _null, _if_yes),
        "not_null": Matcher(ValueKind.FLAG, _ALL, _opposite(_null), _if_no),
        "blank": Matcher(ValueKind.FLAG, _ALL, _blank, _if_yes),
        "present": Matcher(ValueKind.FLAG, _ALL, _opposite(_blank), _if_no),
        "true": Matcher(ValueKind.FLAG, frozenset({Type.BOOLEAN}), _true),
        "false": Matcher(ValueKind.FLAG, frozenset({Type.BOOLEAN}), _false),
        "jcont": Matcher(ValueKind.OBJECT, frozenset({Type.OBJECT}), _contains_object),
    }
    # With several values, one of them decides, or all are looked up together.
    comparisons: tuple[tuple[str, frozenset[Type], Matches, Matches, Matches], ...] = (
        ("eq", _PLAIN, _equal, _in, _all_equal),
        ("not_eq", _PLAIN, _different, _some_different, _not_in),
        ("lt", _ORDERED, _less, _with_greatest(_less), _with_least(_less)),
        ("lteq", _ORDERED, _less_or_equal)
        + (_with_greatest(_less_or_equal), _with_least(_less_or_equal)),
        ("gt", _ORDERED, _greater, _with_least(_greater), _with_greatest(_greater)),
        ("gteq", _ORDERED, _greater_or_equal)
        + (_with_least(_greater_or_equal), _with_greatest(_greater_or_equal)),
    )
    for name, types, one, any_of, all_of in comparisons:
        made[name] = Matcher(ValueKind.VALUE, types, one)
        made[f"{name}_any"] = Matcher(ValueKind.VALUES, types, any_of)
        made[f"{name}_all"] = Matcher(ValueKind.VALUES, types, all_of)
    for name in ("in", "not_in", *(name for name, *_ in comparisons)):
        plain = made[name]
        made[f"{name}_or_null"] = Matcher(
            plain.takes, plain.types, _or_null(plain.condition), _always
        )
    patterns: tuple[tuple[str, str, Matches, ValueKind, ValueKind], ...] = (
        ("matches", "does_not_match", _matches, ValueKind.PATTERN, ValueKind.SEVERAL_PATTERNS),
        ("start", "not_start", _start, ValueKind.WORDS, ValueKind.SEVERAL_WORDS),
        ("end", "not_end", _end, ValueKind.WORDS, ValueKind.SEVERAL_WORDS),
        ("cont", "not_cont", _contains, ValueKind.WORDS, ValueKind.SEVERAL_WORDS),
    )
    for name, opposite, matches, takes, several in patterns:
        for called, condition in ((name, matches), (opposite, _opposite(matches))):
            made[called] = Matcher(takes, _TEXT, condition)
            made[f"{called}_any"] = Matcher(several, _TEXT, _any(condition))
            made[f"{called}_all"] = Matcher(several, _TEXT, _all(condition))
    return made


MATCHERS = _make_matchers()
# The longest first, because `not_eq_or_null` also ends in `eq_or_null`.
BY_LENGTH = sorted(MATCHERS, key=len, reverse=True)
