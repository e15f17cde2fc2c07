"""Find and open the order exports of another platform."""

from collections.abc import Sequence
from pathlib import Path

from order_factory.models.errors import InvalidRequest
from order_factory.models.requests.platform_formats import PlatformFormat
from order_factory.tasks.imports.files import find_paths
from order_factory.tasks.imports.platforms.mappings import load_format
from order_factory.tasks.imports.platforms.wide_rows import WideColumns
from order_factory.tasks.row_files.opening import open_rows
from order_factory.tasks.row_files.records import Source

_NAMES_SHOWN = 3


class PlatformFile:
    """One export, with its mapping. The file can have any name."""

    def __init__(self, path: Path, form: PlatformFormat) -> None:
        self.path = path
        self.form = form

    @property
    def name(self) -> str:
        return self.path.name


def find_platform_files(path: str, format_name: str) -> list[PlatformFile]:
    """Return the exports at the path, sorted by name.

    Raises `InvalidRequest` for an unknown format, and for a path without readable files.
    """
    form = load_format(format_name)
    return [PlatformFile(each, form) for each in sorted(find_paths(path))]


def open_platform_file(file: PlatformFile) -> Source:
    """Return the export's rows. Columns that are not in the mapping are ignored.

    Raises `InvalidRequest` for an unreadable file, for a missing column that every order needs, and
    if a column of the mapping is repeated.
    """
    source = open_rows(file.path, file.form.columns, short_rows=True)
    columns_found = [
        *(source.columns or ()),
        *WideColumns(file.form).names_in(source.columns or ()),
    ]
    missing = [
        f"{what} ({_shown(columns)})"
        for what, columns in _required_columns(file.form).items()
        if columns and not set(columns) & set(columns_found)
    ]
    read_as = f" (read {source.read_as})" if source.read_as else ""
    if missing:
        raise InvalidRequest(
            f"{file.name}{read_as} is no order export of {file.form.platform} that can be read: "
            f"it has no column for {', '.join(missing)}. Export these columns, or give --format "
            "the path of a mapping of your own, where a value can stand for a column, as in "
            "currency_code: {value: EUR}. Nothing was imported."
        )
    repeated = sorted({name for name in file.form.columns if list(columns_found).count(name) > 1})
    if repeated:
        raise InvalidRequest(
            f"{file.name}{read_as} has these columns twice: {', '.join(repeated)}. Nothing was imported."
        )
    return source


def _shown(columns: Sequence[str]) -> str:
    more = ", ..." if len(columns) > _NAMES_SHOWN else ""
    return " or ".join(columns[:_NAMES_SHOWN]) + more


def _required_columns(form: PlatformFormat) -> dict[str, Sequence[str]]:
    """For each required value, return the columns that can contain it."""
    order, line = form.order, form.line
    return {
        "number": order.number.column,
        "currency_code": order.currency_code.column,
        "total": form.amounts.total,
        "quantity": line.quantity,
        "unit_amount": (*line.unit_amount, *line.total),
    }
