"""Read a selection: a list, a DataFrame or a file becomes rows that are not checked yet."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from order_factory.models.errors import SelectionInvalid
from order_factory.models.values.copy_options import CHANGES, OPTIONS
from order_factory.models.values.counts import format_count
from order_factory.models.values.frames import is_frame, is_missing, is_series
from order_factory.tasks.reports.rows import COLUMNS as REPORT_COLUMNS
from order_factory.tasks.row_files.headers import name_known_columns
from order_factory.tasks.row_files.opening import ENDINGS
from order_factory.tasks.selections.files import read_file
from order_factory.tasks.selections.numbered_rows import NumberedRows

if TYPE_CHECKING:
    import pandas as pd

    Orders = Sequence[str | int] | pd.DataFrame | str | Path
else:
    # pandas takes half a second to import, and a single copy does not need it.
    Orders = Any

COLUMNS = ("source_order", *OPTIONS, *CHANGES, "reference", "reference_origin", "metadata")
# A file of failed copies has its messages in this column. It is ignored.
ERRORS = "errors"
# The number of a row, and its message.
Problem = tuple[int, str]


class Unchecked(NamedTuple):
    """A selection before the check.

    `rows` has one row per copy and those of `COLUMNS` that are given, `source_order` always, None
    where the caller gave nothing. `unreadable` tells of the rows that are not among them.
    """

    name: str
    rows: NumberedRows
    unreadable: list[Problem]


def accept_orders(value: object) -> Orders | None:
    """Return the value if it can be a selection. Raises `ValueError` otherwise."""
    if isinstance(value, str):
        return _path_or_names(value.strip())
    if value is None or isinstance(value, Path) or is_frame(value):
        return value
    if isinstance(value, list | tuple) or is_series(value):
        return list(value)
    raise ValueError("a list of orders, a DataFrame or the path of a file is expected")


def _path_or_names(text: str) -> Orders:
    """Return the path of a file, or the orders of a form field.

    A text that is not a file is an order's number, whatever characters it has.
    """
    names = [name for name in re.split(r"[\s,;]+", text) if name]
    is_path = text.lower().endswith(ENDINGS) or os.path.isfile(text)
    return text if is_path or not names else names


def read_selection(orders: Orders) -> Unchecked:
    """Return the selection with its name.

    Raises `SelectionInvalid` for an unreadable file, for unknown or missing columns, and for a
    selection without rows.
    """
    unreadable: list[Problem] = []
    if isinstance(orders, str | Path):
        path = Path(orders)
        file = read_file(path, COLUMNS)
        unreadable = file.unreadable
        name = f"{path.name} {file.read_as}".strip()
        require_columns(name, file.columns, unreadable)
        rows = file.rows
    elif is_frame(orders):
        name = "The DataFrame"
        require_columns(name, [str(column) for column in orders.columns], unreadable)
        rows = _count_rows({name: list(orders[name]) for name in COLUMNS if name in orders.columns})
    else:
        name = f"The list of {format_count(len(orders), 'order')}"
        rows = _count_rows({"source_order": list(orders)})
    if not len(rows) and not unreadable:
        raise SelectionInvalid(name, ["it names no order"])
    return Unchecked(name, rows, unreadable)


def _count_rows(columns: dict[str, list[Any]]) -> NumberedRows:
    """Number the rows of these columns from 1; a value that pandas holds to be missing is None."""
    given = {
        name: [None if is_missing(value) else value for value in values]
        for name, values in columns.items()
    }
    numbers = list(range(1, len(given["source_order"]) + 1))
    return NumberedRows("row", numbers, given)


def require_columns(name: str, columns: list[str], unreadable: list[Problem]) -> None:
    """Raise `SelectionInvalid` for unknown and repeated columns, and without `source_order`."""
    unknown = [column for column in columns if column not in (*COLUMNS, ERRORS)]
    if set(REPORT_COLUMNS) <= set(columns):
        # The file is a report of ours: its other columns describe the outcome.
        unknown = [column for column in unknown if column not in REPORT_COLUMNS]
    problems = []
    # Without a readable row, the columns are unknown.
    if "source_order" not in columns and (columns or not unreadable):
        problems.append("the column 'source_order' is missing: the number or id of each order")
    if unknown:
        problems.append(f"unknown columns: {name_known_columns(unknown, COLUMNS)}")
    if len(set(columns)) < len(columns):
        problems.append("a column occurs twice")
    if problems:
        raise SelectionInvalid(name, [*problems, *(message for _, message in unreadable)])
