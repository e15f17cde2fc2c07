"""Read a selection: a list, a DataFrame or a file becomes a frame that is not checked yet."""

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
# A file of failed copies says in this column what was wrong with each. It is passed over.
ERRORS = "errors"
# The number of a row, and what is wrong with it.
Problem = tuple[int, str]


class Unchecked(NamedTuple):
    """A selection as it was given.

    `frame` has one row per copy and those of `COLUMNS` that are given, `source_order` always, all
    of dtype object, None where the caller gave nothing. Its index is the number of the row as a
    person counts it, and the index' name says what is counted: "line" for the text files, "row"
    for everything else. `unreadable` tells of the rows that are not in the frame.
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
    """Return the path of a file, or the orders that a person has typed into a form field.

    A text that names no file is an order's number, whatever characters it has.
    """
    names = [name for name in re.split(r"[\s,;]+", text) if name]
    is_path = text.lower().endswith(ENDINGS) or os.path.isfile(text)
    return text if is_path or not names else names


def read_selection(orders: Orders) -> Unchecked:
    """Return the selection with a name for it.

    Raises `SelectionInvalid` for a file that cannot be read, for unknown or missing columns, and
    for a selection without rows.
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
    """The values of a file by column, of dtype object; the index has the rows' numbers."""
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
        # A report of ours is read again: it names the orders, and says what became of them.
        unknown = [column for column in unknown if column not in REPORT_COLUMNS]
    problems = []
    # Without a readable row the columns are not known.
    if "source_order" not in found and (found or not unreadable):
        problems.append("the column 'source_order' is missing: the number or id of each order")
    if unknown:
        problems.append(f"unknown columns: {name_known_columns(unknown, COLUMNS)}")
    if len(set(found)) < len(found):
        problems.append("a column occurs twice")
    if problems:
        raise SelectionInvalid(name, [*problems, *(message for _, message in unreadable)])
