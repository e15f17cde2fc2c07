"""Check a selection row by row, and report every wrong value of every row."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.spreadsheet_text import (
    find_shortened_problem,
    unquote_formula,
    unquote_spreadsheet_text,
)
from order_factory.models.values.copy_options import EVERY_OPTION, CopyOption
from order_factory.models.values.json_objects import find_json_problem, parse_json
from order_factory.models.values.keys import clean_key
from order_factory.models.values.statuses import Mode
from order_factory.models.values.texts import find_text_problem
from order_factory.tasks.selections.numbered_rows import NumberedRows
from order_factory.tasks.selections.reading import Problem, Unchecked

# Texts that stay as they are.
_PLAIN = re.compile(r"[0-9A-Za-z#_-]{1,255}")
_TRUE = {"true", "yes", "1", "1.0"}
_FALSE = {"false", "no", "0", "0.0"}
# Spreadsheets keep 15 digits of a number. With 16 or more, a float may be another number.
_FIRST_ROUNDED = 10**15


@dataclass(frozen=True)
class Selection:
    """A checked selection. `name` is its name in messages, and `problems` are its errors.

    `rows` has one row per copy, in order, and the columns that any row gives, with real values:
    text, booleans and JSON objects, None where neither the row nor the defaults give anything.
    `options` are those that no row gives: they hold for all. Where there are problems, the
    rows without a readable order or reference are left out, and no copy may be recorded. Numbers
    are those of orders of the `mode`.
    """

    name: str
    rows: NumberedRows
    options: dict[str, Any]
    problems: list[Problem]
    mode: Mode = Mode.LIVE


class _WrongValue(ValueError):
    """A wrong value. The argument is a message with the expected values."""


def _convert_order_name(value: Any) -> str:
    if value is None:
        raise _WrongValue("the order's number or public id is missing")
    if isinstance(value, str):
        return _convert_text(value)
    expected = "an order's number or public id is expected"
    if isinstance(value, bool | date):
        raise _WrongValue(
            f"{expected}, not a {'date' if isinstance(value, date) else 'truth value'}"
        )
    if not isinstance(value, Real | Decimal):
        raise _WrongValue(expected)
    return str(_convert_whole(value, expected))


def _convert_whole(value: Any, expected: str) -> int:
    """Return a whole number that a spreadsheet or a frame with gaps has turned into a float."""
    if isinstance(value, Integral):
        return int(value)
    if not math.isfinite(value) or value != int(value):
        raise _WrongValue(f"{expected}, not a fraction")
    if not isinstance(value, Decimal) and abs(value) >= _FIRST_ROUNDED:
        raise _WrongValue("the number has more than 15 digits and was rounded; give it as text")
    return int(value)


def _convert_text(value: Any) -> str:
    if isinstance(value, Real | Decimal) and not isinstance(value, bool):
        value = _convert_whole(value, "text is expected")
    elif not isinstance(value, str):
        raise _WrongValue("text is expected")
    text = clean_key(str(value))
    if text[:1] in ("=", "'"):
        text = clean_key(unquote_spreadsheet_text(text))
    if not text:
        raise _WrongValue("the text is empty")
    problem = find_text_problem(text)
    if problem is not None:
        raise _WrongValue(f"the text {problem}")
    problem = find_shortened_problem(text)
    if problem is not None:
        raise _WrongValue(f"{text} {problem}")
    return text


def _convert_flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _WrongValue("true or false is expected")


def _one_of(allowed: tuple[str, ...]) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        word = str(value).strip().lower()
        if word not in allowed:
            raise _WrongValue(f"{' or '.join(allowed)} is expected")
        return word

    return convert


def _convert_rule(clean: Callable[[str], str]) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        try:
            return clean(_convert_text(value))
        except _WrongValue:
            raise
        except ValueError as error:
            raise _WrongValue(f"the value {error}") from None

    return convert


def _convert_change(clean: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if isinstance(value, str):
            value = unquote_formula(value)
        try:
            return clean(value)
        except ValueError as error:
            raise _WrongValue(f"the value {error}") from None

    return convert


def _converter(option: CopyOption) -> Callable[[Any], Any]:
    if option.type is bool:
        return _convert_flag
    if option.change and option.clean is not None:
        return _convert_change(option.clean)
    return _one_of(option.values) if option.clean is None else _convert_rule(option.clean)


def _convert_metadata(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError as error:
            raise _WrongValue(f"the value {error}") from None
    problem = find_json_problem(value)
    if problem is not None:
        raise _WrongValue(f"the value {problem}")
    return dict(value)


def _convert_column(
    rows: NumberedRows, name: str, default: Any, problems: list[Problem]
) -> list[Any]:
    """Convert the values. A wrong one is added to the problems and replaced by the default."""
    convert = _CONVERTERS[name]
    required = convert is _convert_order_name
    if required and _are_plain(rows.columns[name]):
        return rows.columns[name]
    converted = []
    for number, value in zip(rows.numbers, rows.columns[name], strict=True):
        try:
            converted.append(default if value is None and not required else convert(value))
        except _WrongValue as error:
            converted.append(default)
            problems.append((number, f"{rows.counted} {number}, {name}: {error}"))
    return converted


def _are_plain(values: list[Any]) -> bool:
    try:
        return all(map(_PLAIN.fullmatch, values))
    except TypeError:
        return False


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "source_order": _convert_order_name,
    **{option.name: _converter(option) for option in EVERY_OPTION},
    "reference": _convert_text,
    "reference_origin": _convert_text,
    "metadata": _convert_metadata,
}


def check_selection(
    unchecked: Unchecked, defaults: CopyOptions, mode: Mode = Mode.LIVE
) -> Selection:
    """Return the selection with converted values; the defaults fill empty cells.

    Each wrong value becomes one problem: the row, the column and what is expected, without the
    value itself.
    """
    problems, choices = list(unchecked.unreadable), defaults.choices()
    columns = {
        name: _convert_column(unchecked.rows, name, choices.get(name), problems)
        for name in _CONVERTERS
        if name == "source_order" or _has_some(unchecked.rows.columns.get(name))
    }
    options = {name: value for name, value in choices.items() if name not in columns}
    rows = NumberedRows(unchecked.rows.counted, unchecked.rows.numbers, columns)
    if problems:
        kept = [order is not None for order in columns["source_order"]]
        if "reference" in columns:
            # Without its reference, the row could look like a repetition of another one.
            references = zip(columns["reference"], unchecked.rows.columns["reference"], strict=True)
            clear = [reference is not None or named is None for reference, named in references]
            kept = [both == (True, True) for both in zip(kept, clear, strict=True)]
        rows = rows.only(kept)
    return Selection(unchecked.name, rows, options, problems, mode)


def _has_some(values: list[Any] | None) -> bool:
    return values is not None and any(value is not None for value in values)
