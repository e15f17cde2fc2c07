"""The rows of a file that belong to one exported order."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from order_factory.models.requests.platform_formats import PlatformFormat, ValueOf
from order_factory.tasks.imports.platforms.wide_rows import WideColumns
from order_factory.tasks.row_files.records import Record

_QUOTED = re.compile(r"""'[-+=@\d#]|="[^"]*"$""")


@dataclass
class OrderRows:
    """The rows of one order, and the number of its rows in the file.

    `header` has the first value of each column. `problem` describes a row that is unreadable or
    belongs to no order.
    """

    line: int
    rows: list[Record] = field(default_factory=list)
    header: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    row_count: int = 0

    def add(self, lines: Sequence[Record]) -> None:
        """Add a row of the file, which may hold several lines of the order."""
        self.rows += lines
        self.row_count += 1
        for record in lines:
            if not self.header:
                self.header = dict(record.values)
                continue
            for name, value in record.values.items():
                self.header.setdefault(name, value)


def group_orders(form: PlatformFormat, records: Iterator[Record]) -> Iterator[OrderRows]:
    """Yield the orders of a file. A row without a number continues the previous order."""
    current: OrderRows | None = None
    number: str | None = None
    wide = WideColumns(form)
    for read in records:
        record = _unquoted(read)
        given = read_first_text(record.values, form.order.number.column)
        if record.problem is not None or (given is None and current is None):
            if current is not None:
                yield current
            current, number = None, None
            yield OrderRows(record.line, problem=record.problem or "has no number", row_count=1)
            continue
        if current is None or (given is not None and given != number):
            if current is not None:
                yield current
            current, number = OrderRows(record.line), given
        current.add(wide.unfold(record))
    if current is not None:
        yield current


def _unquoted(record: Record) -> Record:
    """The record without what keeps a spreadsheet from changing its cells: '00123 or ="00123"."""
    quoted = {
        name: value[2:-1] if value.startswith('="') else value[1:]
        for name, value in record.values.items()
        if isinstance(value, str) and _QUOTED.match(value)
    }
    return record._replace(values=record.values | quoted) if quoted else record


def read_first_value(values: dict[str, Any], columns: Sequence[str]) -> Any:
    """Return the first value in these columns; None if all are empty."""
    return next((values[name] for name in columns if name in values), None)


def read_first_text(values: dict[str, Any], columns: Sequence[str]) -> str | None:
    value = read_first_value(values, columns)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def read_mapped_text(values: dict[str, Any], value: ValueOf | None) -> str | None:
    """Return the text of a value by its mapping, before `values` are applied."""
    if value is None:
        return None
    if value.value is not None:
        return value.value
    text = read_first_text(values, value.column)
    if text is None:
        return None
    text = text.lstrip(value.strip) if value.strip else text
    return f"{value.prefix}{text}" if text else None
