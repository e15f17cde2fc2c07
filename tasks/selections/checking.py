"""Check a selection row by row and find every wrong value of every row."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.spreadsheet_text import (
    shortened_problem,
    unquote_spreadsheet_text,
)
from order_factory.models.values.copy_options import EVERY_OPTION, CopyOption
from order_factory.models.values.json_objects import json_object_problem, parse_json
from order_factory.models.values.keys import clean_key
from order_factory.models.values.statuses import Mode
from order_factory.models.values.texts import text_problem
from order_factory.tasks.selections.reading import Problem, Unchecked

if TYPE_CHECKING:
    import pandas as pd

_TRUE = {"true", "yes", "1", "1.0"}
_FALSE = {"false", "no", "0", "0.0"}
# Spreadsheets keep 15 digits of a number. With 16 or more, a float may be another number.
_FIRST_ROUNDED = 10**15


@dataclass(frozen=True)
class Selection:
    """A checked selection: `name` says for people what it is, `problems` what is wrong with it.

    `rows` has one row per copy, in order, and the columns that any row gives, with real values:
    text, booleans and JSON objects, None where neither the row nor the defaults give anything. Its
    index numbers the rows as a person does, and the index' name is what is counted: "line" or
    "row". `options` are those that no row gives: they hold for all. Where there are problems, the
    rows without a readable order or reference are left out, and no copy may be recorded. Numbers
    are those of orders of the `mode`.
    """

    name: str
    rows: "pd.DataFrame"
    options: dict[str, Any]
    problems: list[Problem]
    mode: Mode = Mode.LIVE


class _Wrong(ValueError):
    """A wrong value. Takes a message that says what is expected."""


def _order_name(value: Any) -> str:
    if value is None:
        raise _Wrong("the order's number or public id is missing")
    if isinstance(value, str):
        return _text(value)
    expected = "an order's number or public id is expected"
    if isinstance(value, bool | date):
        raise _Wrong(f"{expected}, not a {'date' if isinstance(value, date) else 'truth value'}")
    if not isinstance(value, Real | Decimal):
        raise _Wrong(expected)
    return str(_whole(value, expected))


def _whole(value: Any, expected: str) -> int:
    """Return a whole number that a spreadsheet or a frame with gaps has turned into a float."""
    if isinstance(value, Integral):
        return int(value)
    if not math.isfinite(value) or value != int(value):
        raise _Wrong(f"{expected}, not a fraction")
    if not isinstance(value, Decimal) and abs(value) >= _FIRST_ROUNDED:
        raise _Wrong("the number has more than 15 digits and was rounded; give it as text")
    return int(value)


def _text(value: Any) -> str:
    if isinstance(value, Real | Decimal) and not isinstance(value, bool):
        value = _whole(value, "text is expected")
    elif not isinstance(value, str):
        raise _Wrong("text is expected")
    text = clean_key(str(value))
    if text[:1] in ("=", "'"):
        text = clean_key(unquote_spreadsheet_text(text))
    if not text:
        raise _Wrong("the text is empty")
    problem = text_problem(text)
    if problem is not None:
        raise _Wrong(f"the text {problem}")
    problem = shortened_problem(text)
    if problem is not None:
        raise _Wrong(f"{text} {problem}")
    return text


def _flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _Wrong("true or false is expected")


def _one_of(allowed: tuple[str, ...]) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        word = str(value).strip().lower()
        if word not in allowed:
            raise _Wrong(f"{' or '.join(allowed)} is expected")
        return word

    return convert


def _rule(clean: Callable[[str], str]) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        try:
            return clean(_text(value))
        except _Wrong:
            raise
        except ValueError as error:
            raise _Wrong(f"the value {error}") from None

    return convert


def _change(clean: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        try:
            return clean(value)
        except ValueError as error:
            raise _Wrong(f"the value {error}") from None

    return convert


def _converter(option: CopyOption) -> Callable[[Any], Any]:
    if option.type is bool:
        return _flag
    if option.change and option.clean is not None:
        return _change(option.clean)
    return _one_of(option.values) if option.clean is None else _rule(option.clean)


def _metadata(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError as error:
            raise _Wrong(f"the value {error}") from None
    problem = json_object_problem(value)
    if problem is not None:
        raise _Wrong(f"the value {problem}")
    return dict(value)


def _column(
    values: "pd.Series[Any]",
    convert: Callable[[Any], Any],
    default: Any,
    problems: list[Problem],
) -> "pd.Series[Any]":
    """Convert the values. A wrong one is added to the problems and replaced by the default."""
    import pandas as pd

    required = convert is _order_name
    converted = []
    for number, value in zip(values.index, values, strict=True):
        try:
            converted.append(default if value is None and not required else convert(value))
        except _Wrong as error:
            converted.append(default)
            message = f"{values.index.name} {number}, {values.name}: {error}"
            problems.append((int(number), message))
    return pd.Series(converted, index=values.index, dtype=object)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "source_order": _order_name,
    **{option.name: _converter(option) for option in EVERY_OPTION},
    "reference": _text,
    "reference_origin": _text,
    "metadata": _metadata,
}


def check_selection(given: Unchecked, defaults: CopyOptions, mode: Mode = Mode.LIVE) -> Selection:
    """Return the selection with converted values; the defaults fill empty cells.

    Each wrong value becomes one problem: the row, the column and what is expected, without the
    value itself.
    """
    import pandas as pd

    problems, frame, choices = list(given.unreadable), given.frame, defaults.choices()
    if "source_order" not in frame:  # no line of the file could be read
        frame = frame.assign(source_order=None)
    rows = pd.DataFrame(
        {
            label: _column(frame[label], convert, choices.get(label), problems)
            for label, convert in _CONVERTERS.items()
            if label == "source_order" or (label in frame and frame[label].notna().any())
        },
        index=frame.index,
    )
    options = {name: value for name, value in choices.items() if name not in rows}
    if problems:
        clear = rows["source_order"].notna()
        if "reference" in rows:
            # Without its reference, the row could look like a repetition of another one.
            clear &= rows["reference"].notna() | frame["reference"].isna()
        rows = rows[clear]
    return Selection(given.name, rows, options, problems, mode)
