"""Opening a file to import, and checking its columns before anything is written."""

from collections.abc import Iterator, Sequence
from itertools import islice

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.imports.csv_rows import open_csv
from order_factory.tasks.imports.files import ImportFile
from order_factory.tasks.imports.json_rows import open_json_lines
from order_factory.tasks.imports.parquet_rows import open_parquet
from order_factory.tasks.imports.records import Record, Source


def chunks_of(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    while chunk := list(islice(records, size)):
        yield chunk


def open_source(file: ImportFile) -> Source:
    """The file's columns, checked, and its rows.

    Raises `InvalidRequest` for an empty or unreadable file, and for columns that are unknown,
    missing or there twice; it names those found and those known.
    """
    try:
        if file.path.stat().st_size == 0:
            raise InvalidRequest(f"The file {file.name} is empty (0 bytes).")
        source = _open(file)
    except OSError as error:
        raise InvalidRequest(f"The file {file.name} cannot be read: {error.strerror}.") from error
    if source.columns is not None:
        _check_columns(file, source.columns)
    return source


def _open(file: ImportFile) -> Source:
    if file.format == ".csv":
        return open_csv(file.path)
    if file.format == ".parquet":
        return open_parquet(file.path, file.resource)
    return open_json_lines(file.path)


def _check_columns(file: ImportFile, found: Sequence[str]) -> None:
    known, required = file.resource.columns, file.resource.required
    wrong = {
        "unknown": [name for name in found if name not in known],
        "missing": [name for name in required if name not in found],
        "there twice": [name for name in dict.fromkeys(found) if found.count(name) > 1],
    }
    if not any(wrong.values()):
        return
    message = "; ".join(f"{what}: {', '.join(names)}" for what, names in wrong.items() if names)
    optional = [name for name in known if name not in required]
    raise InvalidRequest(
        f"The columns of {file.name} are not those of {file.resource_name} ({message}). "
        f"Found: {', '.join(found)}. Required: {', '.join(required)}. "
        f"Optional: {', '.join(optional)}. Nothing was imported."
    )
