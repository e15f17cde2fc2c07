"""Checking a selection row by row: every wrong row is told at once, before anything is written."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd

from models.errors import SelectionInvalid
from models.requests import MAX_METADATA, MAX_TEXT, CopyOptions

_FLAGS = ("place_target_order", "reuse_wallet", "skip_errors")
_TEXTS = ("reference", "reference_origin")
_TRUE = {"true", "yes", "1"}
_FALSE = {"false", "no", "0"}


class _Wrong(ValueError):
    """Says what is expected of a value."""


def check_selection(name: str, frame: pd.DataFrame, defaults: CopyOptions) -> pd.DataFrame:
    """The frame of `read_selection` with real values: text, booleans and JSON objects.

    Where a row says nothing, the defaults hold. Raises `SelectionInvalid` with one line per
    wrong value: the row, the column and what is expected; never the value itself.
    """
    problems: list[tuple[int, str]] = []
    checked = pd.DataFrame(index=frame.index)

    def column(label: str, convert: Callable[[Any], Any]) -> "pd.Series[Any]":
        return pd.Series(
            [_try(convert, value, label, row, problems) for row, value in frame[label].items()],
            index=frame.index,
            dtype=object,
        )

    checked["source_order"] = column("source_order", _order_name)
    for label in _FLAGS:
        checked[label] = column(label, _flag)
        checked.loc[frame[label].isna(), label] = getattr(defaults, label)
    for label in _TEXTS:
        checked[label] = column(label, _text)
    checked["metadata"] = column("metadata", _metadata)
    if problems:
        raise SelectionInvalid(name, [told for _, told in sorted(problems)])
    return checked


def _try(
    convert: Callable[[Any], Any], value: Any, label: str, row: Any, problems: list[tuple[int, str]]
) -> Any:
    if value is None and label != "source_order":
        return None
    try:
        return convert(value)
    except _Wrong as error:
        problems.append((int(row), f"row {row}, {label}: {error}"))
        return None


def _order_name(value: Any) -> str:
    if value is None:
        raise _Wrong("the order's number or public id is missing")
    # Spreadsheets and frames with gaps turn numbers into floats.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _Wrong("an order's number or public id is expected")
    return _text(value)


def _text(value: Any) -> str:
    text = str(value).strip()
    if not text:
        raise _Wrong("the text is empty")
    if len(text) > MAX_TEXT:
        raise _Wrong(f"the text has {len(text)} characters; at most {MAX_TEXT}")
    if "\x00" in text:
        raise _Wrong("the text holds a NUL character")
    return text


def _flag(value: Any) -> bool:
    word = str(value).strip().lower().removesuffix(".0")
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _Wrong("true or false is expected")


def _metadata(value: Any) -> dict[str, Any]:
    try:
        held = json.loads(value) if isinstance(value, str) else value
        length = len(json.dumps(held, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise _Wrong("a JSON object is expected") from error
    if not isinstance(held, dict):
        raise _Wrong("a JSON object is expected")
    if length > MAX_METADATA:
        raise _Wrong(f"{length} characters of JSON; at most {MAX_METADATA}")
    return held
