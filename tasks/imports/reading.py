"""Open a file to import, and check its columns before anything is written."""

from collections.abc import Iterator, Sequence

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.imports.files import OTHER_PLATFORMS, ImportFile
from order_factory.tasks.row_files.headers import name_known_columns
from order_factory.tasks.row_files.opening import open_rows
from order_factory.tasks.row_files.records import Record, Source, take_part


def split_into_chunks(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    while chunk := take_part(records, size):
        yield chunk


def open_source(file: ImportFile) -> Source:
    """Return the file's rows and its checked columns.

    Raises `InvalidRequest` for an empty or unreadable file, and for unknown, missing or repeated
    columns.
    """
    source = open_rows(file.path, file.resource.columns)
    if source.columns is not None:
        _check_columns(file, source)
        if file.format == ".parquet":
            from order_factory.tasks.imports.parquet_types import check_types
            from order_factory.tasks.row_files.parquet_rows import read_fields

            fields = zip(source.columns, read_fields(file.path).values(), strict=True)
            check_types(file.name, fields, file.resource)
    return source


def _check_columns(file: ImportFile, source: Source) -> None:
    expected, columns = file.resource.columns, list(source.columns or ())
    unknown = [name for name in columns if name not in expected]
    problems = {
        "unknown": name_known_columns(unknown, expected),
        "missing": ", ".join(name for name in file.resource.required if name not in columns),
        "repeated": ", ".join(_repeated(columns)),
    }
    if not any(problems.values()):
        return
    message = "; ".join(f"{what}: {names}" for what, names in problems.items() if names)
    hint = f" {OTHER_PLATFORMS}" if file.resource_name == "orders" and unknown else ""
    read_as = f" (read {source.read_as})" if source.read_as else ""
    raise InvalidRequest(
        f"The columns of {file.name}{read_as} are not those of {file.resource_name}: {message}. "
        f"Nothing was imported.{hint}"
    )


def _repeated(names: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]
