"""Opening a file to import, and checking its columns before anything is written."""

from collections.abc import Iterator, Sequence
from itertools import islice

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.imports.files import ImportFile
from order_factory.tasks.row_files.headers import name_known_columns
from order_factory.tasks.row_files.opening import open_rows
from order_factory.tasks.row_files.records import Record, Source


def chunks_of(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    while chunk := list(islice(records, size)):
        yield chunk


def open_source(file: ImportFile) -> Source:
    """The file's columns, checked, and its rows.

    Raises `InvalidRequest` for an empty or unreadable file, and for columns that are unknown,
    missing or there twice.
    """
    source = open_rows(file.path, file.resource.columns)
    if source.columns is not None:
        _check_columns(file, source)
        if file.format == ".parquet":
            from order_factory.tasks.imports.parquet_types import check_types
            from order_factory.tasks.row_files.parquet_rows import read_schema

            fields = zip(source.columns, read_schema(file.path), strict=True)
            check_types(file.name, fields, file.resource)
    return source


def _check_columns(file: ImportFile, source: Source) -> None:
    known, found = file.resource.columns, list(source.columns or ())
    unknown = [name for name in found if name not in known]
    wrong = {
        "unknown": name_known_columns(unknown, known),
        "missing": ", ".join(name for name in file.resource.required if name not in found),
        "there twice": ", ".join(_repeated(found)),
    }
    if not any(wrong.values()):
        return
    message = "; ".join(f"{what}: {names}" for what, names in wrong.items() if names)
    read_as = f" (read {source.read_as})" if source.read_as else ""
    raise InvalidRequest(
        f"The columns of {file.name}{read_as} are not those of {file.resource_name}: {message}. "
        f"Nothing was imported."
    )


def _repeated(names: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]
