"""Checking a selection row by row: every wrong value of every row is found."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import pandas as pd

from order_factory.models.requests.copies import MAX_METADATA, MAX_TEXT, OPTIONS, CopyOptions
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.selections.reading import Problem, Unchecked

_TRUE = {"true", "yes", "1", "1.0"}
_FALSE = {"false", "no", "0", "0.0"}
# Beyond it a float no longer tells one whole number from the next.
_EXACT = 2**53
# In JSON: the characters that PostgreSQL cannot store, NUL and one half of a surrogate pair.
_HIGH, _LOW = r"\\ud[89ab]..", r"\\ud[c-f].."
_UNSTORABLE = re.compile(rf"\\u0000|{_HIGH}(?!{_LOW})|(?<!{_HIGH}){_LOW}")


@dataclass(frozen=True)
class Selection:
    """A checked selection: `name` says for people what it is, `problems` what is wrong with it.

    `rows` has one row per copy, in order, and the columns that any row gives, with real values:
    text, booleans and JSON objects, None where neither the row nor the defaults give anything. Its
    index numbers the rows as a person does, and the index' name is what is counted: "line" or
    "row". `options` are those that no row gives: they hold for all. Where there are problems, the
    rows without a readable order or reference are left out, and no copy may be recorded.
    """

    name: str
    rows: pd.DataFrame
    options: dict[str, bool | str]
    problems: list[Problem]


class _Wrong(ValueError):
    """Says what is expected of a value."""


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
    """Spreadsheets and frames with gaps turn whole numbers into floats: the number again."""
    if isinstance(value, Integral):
        return int(value)
    if not math.isfinite(value) or value != int(value):
        raise _Wrong(f"{expected}, not a fraction")
    if not isinstance(value, Decimal) and abs(value) > _EXACT:
        raise _Wrong("the number was rounded, for it has more than 15 digits; give it as text")
    return int(value)


def _text(value: Any) -> str:
    if isinstance(value, Real | Decimal) and not isinstance(value, bool):
        value = _whole(value, "text is expected")
    elif not isinstance(value, str):
        raise _Wrong("text is expected")
    text = str(value).strip()
    if not text:
        raise _Wrong("the text is empty")
    if len(text) > MAX_TEXT:
        raise _Wrong(f"the text has {len(text)} characters; at most {MAX_TEXT}")
    if not text.isascii() and not _encodes(text):
        raise _Wrong("the text is not UTF-8; save the file as UTF-8")
    if "\x00" in text:
        raise _Wrong("the text holds a NUL character, which cannot be stored")
    return text


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _Wrong("true or false is expected")


def _stock_policy(value: Any) -> str:
    word = str(value).strip().lower()
    if word not in list(StockPolicy):
        raise _Wrong(f"{' or '.join(StockPolicy)} is expected")
    return word


def _metadata(value: Any) -> dict[str, Any]:
    try:
        held = json.loads(value) if isinstance(value, str) else value
        text = json.dumps(held, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _Wrong('a JSON object is expected, such as {"gift": true}') from error
    if not isinstance(held, dict):
        raise _Wrong('a JSON object is expected, such as {"gift": true}')
    if len(text) > MAX_METADATA:
        raise _Wrong(f"{len(text)} characters of JSON; at most {MAX_METADATA}")
    if _UNSTORABLE.search(text.replace("\\\\", "")):
        raise _Wrong("the JSON holds a NUL character or a broken one, which cannot be stored")
    return held


def _column(
    values: "pd.Series[Any]",
    convert: Callable[[Any], Any],
    default: Any,
    problems: list[Problem],
) -> "pd.Series[Any]":
    """The values converted; a wrong one is added to the problems, and the default stands for it."""
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
    **dict.fromkeys(OPTIONS, _flag),
    "stock": _stock_policy,
    "reference": _text,
    "reference_origin": _text,
    "metadata": _metadata,
}


def check_selection(given: Unchecked, defaults: CopyOptions) -> Selection:
    """The selection with real values; where a row says nothing, the defaults hold.

    Each wrong value becomes one problem: the row, the column and what is expected; never the
    value itself.
    """
    problems, frame, choices = list(given.unreadable), given.frame, defaults.choices()
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
            # A wrong reference counts as none, and would make the row look like another one.
            clear &= rows["reference"].notna() | frame["reference"].isna()
        rows = rows[clear]
    return Selection(given.name, rows, options, problems)
