"""Reading a selection: a list, a DataFrame or a file becomes one frame of text.

The frame has one row per copy and the columns of `COLUMNS`, all of dtype object, None where the
caller gave nothing; its index is what a person would call the row: the line of the file, or the
position in the list from 1.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas.errors import EmptyDataError, ParserError

from models.errors import SelectionInvalid, describe

COLUMNS = (
    "source_order",
    "place_target_order",
    "reuse_wallet",
    "skip_errors",
    "reference",
    "reference_origin",
    "metadata",
)
Orders = Sequence[str | int] | pd.DataFrame | str | Path


def accept_orders(value: object) -> Orders | None:
    """The value, where it can be a selection at all. Raises `ValueError` otherwise."""
    if value is None or isinstance(value, pd.DataFrame | str | Path):
        return value
    if isinstance(value, list | tuple | pd.Series):
        return list(value)
    raise ValueError("a list of orders, a DataFrame or the path of a file is expected")


def read_selection(orders: Orders) -> tuple[str, pd.DataFrame]:
    """What to call the selection, and its frame.

    Raises `SelectionInvalid` for a file that cannot be read, for unknown or missing columns, and
    for a selection without rows.
    """
    if isinstance(orders, pd.DataFrame):
        name, frame, first = "The DataFrame", orders, 1
    elif isinstance(orders, str | Path):
        path = Path(orders)
        name, frame, first = path.name, _read_file(path), 1 if _is_parquet(path) else 2
        if _is_json_lines(path):
            first = 1
    else:
        name = f"The list of {len(orders)} orders"
        frame, first = pd.DataFrame({"source_order": list(orders)}, dtype=object), 1
    _require_columns(name, frame)
    if frame.empty:
        raise SelectionInvalid(name, ["it names no order"])
    frame = frame.reindex(columns=list(COLUMNS)).astype(object)
    frame = frame.where(frame.notna(), None)
    frame.index = pd.RangeIndex(first, first + len(frame))
    return name, frame


def _read_file(path: Path) -> pd.DataFrame:
    readers = {
        ".csv": lambda: pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""]),
        ".parquet": lambda: pd.read_parquet(path),
        ".xlsx": lambda: pd.read_excel(path, dtype=object, engine="openpyxl"),
        ".jsonl": lambda: pd.read_json(path, lines=True, dtype=False),
    }
    read = readers.get(path.suffix.lower())
    if read is None:
        known = ", ".join(readers)
        raise SelectionInvalid(path.name, [f"its name must end in one of {known}"])
    if not path.is_file():
        raise SelectionInvalid(path.name, [f"there is no file {path}"])
    try:
        return read()
    except EmptyDataError:
        return pd.DataFrame({"source_order": []})
    except UnicodeDecodeError as error:
        raise SelectionInvalid(path.name, ["it is not UTF-8 text"]) from error
    except (ParserError, ValueError, OSError, zipfile.BadZipFile) as error:
        told = f"it is no readable {path.suffix} file ({type(error).__name__})"
        raise SelectionInvalid(path.name, [told]) from error


def _require_columns(name: str, frame: pd.DataFrame) -> None:
    found = [str(column) for column in frame.columns]
    unknown = [column for column in found if column not in COLUMNS]
    known = f"the columns are {', '.join(COLUMNS)}, of which source_order is required"
    problems = []
    if "source_order" not in found:
        problems.append(f"the column 'source_order' is missing; {known}")
    if unknown:
        problems.append(f"unknown columns: {describe(unknown)}; {known}")
    if len(set(found)) < len(found):
        problems.append("a column stands in it twice")
    if problems:
        raise SelectionInvalid(name, problems)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def _is_json_lines(path: Path) -> bool:
    return path.suffix.lower() == ".jsonl"
