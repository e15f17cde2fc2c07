"""Rows that hold several lines of an order: numbered columns, and cells with many values.

A mapping names them `Product Item {n} SKU` (a column for each line), `line_item_{n}[sku]` (a cell
for each line, with several values) and `line_items[sku]` (a cell for all lines). Such a cell is
`name:Mug|sku:MUG|quantity:2`, with `;` or `||` between two lines, or JSON.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from html import unescape
from typing import Any

from order_factory.models.requests.platform_formats import PlatformFormat
from order_factory.tasks.row_files.headers import comparable_name
from order_factory.tasks.row_files.records import Record, is_blank

_WITH_KEY = re.compile(r"(.+)\[(\w+)\]")
# In a column's name; among the values of a line, which of its row it is.
_NUMBER = "{n}"
_BETWEEN_VALUES = re.compile(r"\|(?=\s*[\w ]+:)")


def is_wide(name: str) -> bool:
    """Whether a mapping's column stands for the columns or cells of several lines."""
    return _NUMBER in name or _WITH_KEY.fullmatch(name) is not None


@dataclass(frozen=True)
class _WideColumn:
    """A column of a file, by a pattern: the names in the mapping by key (None: the whole cell)."""

    pattern: re.Pattern[str]
    names: dict[str | None, str] = field(default_factory=dict)


class WideColumns:
    """The wide columns of a mapping, and the lines that a row has in them."""

    def __init__(self, form: PlatformFormat) -> None:
        self._of_lines = set(form.line_columns)
        columns: dict[str, _WideColumn] = {}
        for name in form.columns:
            if is_wide(name):
                match = _WITH_KEY.fullmatch(name)
                base, key = match.groups() if match else (name, None)
                column = columns.setdefault(base, _WideColumn(_pattern_of(base)))
                column.names[key] = name
        self._columns = list(columns.values())
        # Most rows have the same columns.
        self._found: dict[str, list[tuple[_WideColumn, int]]] = {}

    def names_in(self, columns: Iterable[str]) -> set[str]:
        """The mapping's names of the file's columns."""
        return {
            name
            for column in columns
            for found, _ in self._find(column)
            for name in found.names.values()
        }

    def unfold(self, record: Record) -> list[Record]:
        """A record for each line of the row. A row without wide columns stays as it is."""
        if not self._columns:
            return [record]
        common, lines = dict(record.values), dict[int, dict[str, Any]]()
        texts = dict[str, list[str]]()
        for column, cell in record.values.items():
            for found, number in self._find(column):
                for place, name, value in _values(found, number, cell):
                    if is_blank(value):
                        continue
                    if name in self._of_lines:
                        lines.setdefault(place, {_NUMBER: place})[name] = value
                    else:
                        texts.setdefault(name, []).append(str(value))
        # An order has several coupons or refunds.
        common |= {name: ", ".join(values) for name, values in texts.items()}
        return [Record(record.line, common | lines[place]) for place in sorted(lines)] or [
            Record(record.line, common)
        ]

    def _find(self, column: str) -> list[tuple[_WideColumn, int]]:
        if column not in self._found:
            matches = (
                (each, each.pattern.fullmatch(comparable_name(column))) for each in self._columns
            )
            self._found[column] = [
                (each, int(match[1]) if match.lastindex else 0)
                for each, match in matches
                if match is not None
            ]
        return self._found[column]


def shown_name(name: str, values: dict[str, Any]) -> str:
    """The name of a mapping's column as the file has it: `line_item_2 (sku)`."""
    if not is_wide(name):
        return name
    shown = name.replace(_NUMBER, str(values.get(_NUMBER, "")))
    return shown.replace("[", " (").replace("]", ")")


def _pattern_of(base: str) -> re.Pattern[str]:
    before, number, after = base.partition(_NUMBER)
    escaped = (re.escape(comparable_name(part)) for part in (before, after))
    return re.compile((r"(\d{1,4})" if number else "").join(escaped))


def _values(column: _WideColumn, number: int, cell: Any) -> Iterator[tuple[int, str, Any]]:
    """The place of the line, the name in the mapping and the value."""
    if None in column.names:
        yield number, column.names[None], cell
    if set(column.names) == {None}:
        return
    for nth, values in enumerate(_lines_of(cell), start=1):
        for key, name in column.names.items():
            if key in values:
                yield number or nth, name, values[key]


def _lines_of(cell: Any) -> list[dict[str, Any]]:
    """The lines of a cell, each with its values by key."""
    if isinstance(cell, str):
        text = unescape(cell).strip()
        if not text.startswith(("[", "{")):
            # Each line begins with the same name; a sign in a text of the shop divides nothing.
            first = re.escape(text.partition(":")[0])
            return [_pairs(each) for each in re.split(rf"(?:\|\||;|\n)\s*(?={first}:)", text)]
        try:
            cell = json.loads(text, parse_float=Decimal)
        except ValueError:
            return []
    return [
        {_key(name): value for name, value in each.items()}
        for each in (cell if isinstance(cell, list) else [cell])
        if isinstance(each, dict)
    ]


def _pairs(text: str) -> dict[str, Any]:
    pairs = (each.partition(":") for each in _BETWEEN_VALUES.split(text))
    return {_key(name): value.strip() for name, _, value in pairs}


def _key(name: str) -> str:
    return comparable_name(name.strip())
