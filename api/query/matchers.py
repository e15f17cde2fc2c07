"""The matchers at the end of a predicate: `eq`, `in`, `cont_any`, ...

Texts are matched whatever the case of their ASCII letters by `matches`, `start`, `end`, `cont`
and their opposites, and to the letter by the others. As in SQL, nothing but the matchers that say
so holds for an attribute that is null.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from operator import ge, gt, le, lt
from typing import Any

from sqlalchemy import ColumnElement, String, and_, false, func, literal, not_, or_, true

from order_factory.api.resources.description import Type
from order_factory.models.database.dialects import bytewise, json_contains

Condition = ColumnElement[bool]
Matches = Callable[[ColumnElement[Any], Any], Condition]


class Takes(Enum):
    """What a matcher is given: one value, several, a yes or no, words, a pattern, an object."""

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
    """One matcher: what it takes, of which types of attribute, and the condition it makes.

    `finds_null` says, for a value, whether it holds where there is nothing.
    """

    takes: Takes
    types: frozenset[Type]
    condition: Matches
    finds_null: Callable[[Any], bool] = lambda _value: False


_ORDERED = frozenset({Type.TEXT, Type.INTEGER, Type.NUMBER, Type.TIME})
_PLAIN = _ORDERED | {Type.BOOLEAN}
_ALL = _PLAIN | {Type.OBJECT}
_TEXT = frozenset({Type.TEXT})
_ESCAPE = "\\"


def _compared(by: Callable[[Any, Any], Any]) -> Matches:
    """A comparison; texts are ordered by their characters' numbers, in any locale."""

    def condition(of: ColumnElement[Any], value: Any) -> Condition:
        compared: Condition = by(bytewise(of) if isinstance(value, str) else of, value)
        return compared

    return condition


def _equal(of: ColumnElement[Any], value: Any) -> Condition:
    equal: Condition = of == value
    return equal


def _different(of: ColumnElement[Any], value: Any) -> Condition:
    different: Condition = of != value
    return different


def _matches(of: ColumnElement[Any], pattern: str) -> Condition:
    return func.lower(bytewise(of)).like(_lower(pattern), escape=_ESCAPE)


def _start(of: ColumnElement[Any], words: str) -> Condition:
    return _matches(of, f"{_escaped(words)}%")


def _end(of: ColumnElement[Any], words: str) -> Condition:
    return _matches(of, f"%{_escaped(words)}")


def _contains(of: ColumnElement[Any], words: str) -> Condition:
    return _matches(of, f"%{_escaped(words)}%")


def _escaped(words: str) -> str:
    return words.replace(_ESCAPE, _ESCAPE * 2).replace("%", r"\%").replace("_", r"\_")


def _lower(text: str) -> str:
    """ASCII only, as the databases do it here."""
    return "".join(each.lower() if each.isascii() else each for each in text)


def _opposite(of: Matches) -> Matches:
    return lambda column, value: not_(of(column, value))


def _any(of: Matches) -> Matches:
    return lambda column, values: or_(false(), *(of(column, value) for value in values))


def _all(of: Matches) -> Matches:
    return lambda column, values: and_(true(), *(of(column, value) for value in values))


def _or_null(of: Matches) -> Matches:
    return lambda column, value: or_(of(column, value), column.is_(None))


def _in(of: ColumnElement[Any], values: list[Any]) -> Condition:
    return of.in_(values)


def _not_in(of: ColumnElement[Any], values: list[Any]) -> Condition:
    return of.not_in(values)


def _null(of: ColumnElement[Any], yes: bool) -> Condition:
    return of.is_(None) if yes else of.is_not(None)


def _blank(of: ColumnElement[Any], yes: bool) -> Condition:
    """Null, or an empty text."""
    if isinstance(of.type, String):
        empty = func.coalesce(of, "") == ""
        return empty if yes else not_(empty)
    return _null(of, yes)


def _true(of: ColumnElement[Any], yes: bool) -> Condition:
    return of == (literal(True) if yes else literal(False))


def _false(of: ColumnElement[Any], yes: bool) -> Condition:
    return _true(of, not yes)


def _contains_object(of: ColumnElement[Any], text: str) -> Condition:
    return json_contains(of, literal(text))


def _always(_value: Any) -> bool:
    return True


def _if_yes(yes: bool) -> bool:
    return yes


def _if_no(yes: bool) -> bool:
    return not yes


def _made() -> dict[str, Matcher]:
    made = {
        "in": Matcher(Takes.VALUES, _PLAIN, _in),
        "not_in": Matcher(Takes.VALUES, _PLAIN, _not_in),
        "null": Matcher(Takes.FLAG, _ALL, _null, _if_yes),
        "not_null": Matcher(Takes.FLAG, _ALL, _opposite(_null), _if_no),
        "blank": Matcher(Takes.FLAG, _ALL, _blank, _if_yes),
        "present": Matcher(Takes.FLAG, _ALL, _opposite(_blank), _if_no),
        "true": Matcher(Takes.FLAG, frozenset({Type.BOOLEAN}), _true),
        "false": Matcher(Takes.FLAG, frozenset({Type.BOOLEAN}), _false),
        "jcont": Matcher(Takes.OBJECT, frozenset({Type.OBJECT}), _contains_object),
    }
    comparisons: tuple[tuple[str, Matches, frozenset[Type]], ...] = (
        ("eq", _equal, _PLAIN),
        ("not_eq", _different, _PLAIN),
        ("lt", _compared(lt), _ORDERED),
        ("lteq", _compared(le), _ORDERED),
        ("gt", _compared(gt), _ORDERED),
        ("gteq", _compared(ge), _ORDERED),
    )
    for name, matches, types in comparisons:
        made[name] = Matcher(Takes.VALUE, types, matches)
        made[f"{name}_any"] = Matcher(Takes.VALUES, types, _any(matches))
        made[f"{name}_all"] = Matcher(Takes.VALUES, types, _all(matches))
    for name in ("in", "not_in", *(name for name, _, _ in comparisons)):
        plain = made[name]
        made[f"{name}_or_null"] = Matcher(
            plain.takes, plain.types, _or_null(plain.condition), _always
        )
    words: tuple[tuple[str, str, Matches, Takes, Takes], ...] = (
        ("matches", "does_not_match", _matches, Takes.PATTERN, Takes.SEVERAL_PATTERNS),
        ("start", "not_start", _start, Takes.WORDS, Takes.SEVERAL_WORDS),
        ("end", "not_end", _end, Takes.WORDS, Takes.SEVERAL_WORDS),
        ("cont", "not_cont", _contains, Takes.WORDS, Takes.SEVERAL_WORDS),
    )
    for name, opposite, matches, one, several in words:
        for called, condition in ((name, matches), (opposite, _opposite(matches))):
            made[called] = Matcher(one, _TEXT, condition)
            made[f"{called}_any"] = Matcher(several, _TEXT, _any(condition))
            made[f"{called}_all"] = Matcher(several, _TEXT, _all(condition))
    return made


MATCHERS = _made()
# The longest first: `not_eq_or_null` ends in `eq_or_null`, too.
BY_LENGTH = sorted(MATCHERS, key=len, reverse=True)
