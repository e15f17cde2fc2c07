"""Read a selection: convert a list, a DataFrame or a file to an unchecked frame."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from order_factory.models.errors import SelectionInvalid
from order_factory.models.values.copy_options import CHANGES, OPTIONS
from order_factory.models.values.counts import count_of
from order_factory.models.values.frames import is_frame, is_series
from order_factory.tasks.reports.rows import COLUMNS as REPORT_COLUMNS
from order_factory.tasks.row_files.headers import name_known_columns
from order_factory.tasks.row_files.opening import ENDINGS
from order_factory.tasks.selections.files import FileRows, read_file

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

    `frame` has one row per copy, and the given columns of `COLUMNS`, always with `source_order`.
    All have dtype object, and None for an empty cell. Its index has the numbers of the rows for
    people, and the index' name is "line" for text files and "row" otherwise. `unreadable` has the
    problems of rows that are not in the frame.
    """

    name: str
    frame: "pd.DataFrame"
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
    import pandas as pd

    unreadable: list[Problem] = []
    if isinstance(orders, str | Path):
        path = Path(orders)
        found = read_file(path, COLUMNS)
        unreadable = found.unreadable
        name = f"{path.name} {found.read_as}".strip()
        require_columns(name, found.columns, unreadable)
        frame = frame_of(found)
    elif isinstance(orders, pd.DataFrame):
        name = "The DataFrame"
        require_columns(name, [str(column) for column in orders.columns], unreadable)
        frame = orders[[name for name in COLUMNS if name in orders.columns]].astype(object)
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    else:
        name = f"The list of {count_of(len(orders), 'order')}"
        frame = pd.DataFrame({"source_order": pd.Series(list(orders), dtype=object)})
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    if frame.empty and not unreadable:
        raise SelectionInvalid(name, ["it names no order"])
    return Unchecked(name, frame.where(frame.notna(), None), unreadable)


def frame_of(found: FileRows) -> "pd.DataFrame":
    """Return the values of a file as a frame of dtype object; the index has the rows' numbers."""
    import pandas as pd

    rows = pd.Index(found.numbers, dtype="int64", name=found.counted)
    columns = {
        name: pd.Series(values, index=rows, dtype=object)
        for name, values in found.values.items()
        if name == "source_order" or name in found.columns
    }
    return pd.DataFrame(columns, index=rows)


def require_columns(name: str, found: list[str], unreadable: list[Problem]) -> None:
    """Raise `SelectionInvalid` for unknown and repeated columns, and without `source_order`."""
    unknown = [column for column in found if column not in (*COLUMNS, ERRORS)]
    if set(REPORT_COLUMNS) <= set(found):
        # The file is a report of ours: its other columns describe the outcome.
        unknown = [column for column in unknown if column not in REPORT_COLUMNS]
    problems = []
    # Without a readable row, the columns are unknown.
    if "source_order" not in found and (found or not unreadable):
        problems.append("the column 'source_order' is missing: the number or id of each order")
    if unknown:
        problems.append(f"unknown columns: {name_known_columns(unknown, COLUMNS)}")
    if len(set(found)) < len(found):
        problems.append("a column occurs twice")
    if problems:
        raise SelectionInvalid(name, [*problems, *(message for _, message in unreadable)])
