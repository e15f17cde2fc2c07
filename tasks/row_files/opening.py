"""Open a file of rows with the reader of its format."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.row_files.csv_rows import open_csv
from order_factory.tasks.row_files.json_rows import open_json_lines
from order_factory.tasks.row_files.records import Source


# pyarrow and openpyxl are imported at the first file of their format. Most runs read none.
def _open_parquet(path: Path, known: Collection[str]) -> Source:
    from order_factory.tasks.row_files.parquet_rows import open_parquet

    return open_parquet(path, known)


def _open_workbook(path: Path, known: Collection[str]) -> Source:
    from order_factory.tasks.row_files.workbooks import open_workbook

    return open_workbook(path, known)


_READERS: Mapping[str, Callable[[Path, Collection[str]], Source]] = {
    ".csv": open_csv,
    ".tsv": open_csv,
    ".parquet": _open_parquet,
    ".xlsx": _open_workbook,
    ".jsonl": open_json_lines,
    ".ndjson": open_json_lines,
}
# The endings of the file names.
ENDINGS = tuple(_READERS)


def open_rows(path: Path, known: Collection[str], *, short_rows: bool = False) -> Source:
    """Return the columns of the file, by their known names if they have one, and its rows.

    With `short_rows`, a row of CSV may lack its last cells, because spreadsheets leave out empty
    cells. Raises `InvalidRequest` for a file that is empty, unreadable, or of another format.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidRequest(
            f"The file {path.name} cannot be read: its name must end in {', '.join(ENDINGS)}."
        )
    try:
        if path.stat().st_size == 0:
            raise InvalidRequest(f"The file {path.name} is empty (0 bytes).")
        if reader is open_csv:
            return open_csv(path, known, short_rows=short_rows)
        return reader(path, known)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidRequest(f"The file {path.name} cannot be read: {reason}.") from error
