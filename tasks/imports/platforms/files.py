"""Finding and opening the order exports of another platform."""

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
    """One export, with the mapping by which it is read. Its name may be any."""

    def __init__(self, path: Path, form: PlatformFormat) -> None:
        self.path = path
        self.form = form

    @property
    def name(self) -> str:
        return self.path.name


def find_platform_files(path: str, format_name: str) -> list[PlatformFile]:
    """The exports at the path, by name.

    Raises `InvalidRequest` for an unknown format, and a path without files that can be read.
    """
    form = load_format(format_name)
    return [PlatformFile(each, form) for each in sorted(find_paths(path))]


def open_platform_file(file: PlatformFile) -> Source:
    """The export's rows. Columns that the mapping does not name are passed over.

    Raises `InvalidRequest` for a file that cannot be read, and one without a column that every
    order needs, or with one of the mapping's columns twice.
    """
    source = open_rows(file.path, file.form.columns, short_rows=True)
    found = [*(source.columns or ()), *WideColumns(file.form).names_in(source.columns or ())]
    missing = [
        f"{what} ({_shown(columns)})"
        for what, columns in _needed(file.form).items()
        if columns and not set(columns) & set(found)
    ]
    read_as = f" (read {source.read_as})" if source.read_as else ""
    if missing:
        raise InvalidRequest(
            f"{file.name}{read_as} is no order export of {file.form.platform} that can be read: "
            f"it has no column for {', '.join(missing)}. Export these columns, or give --format "
            "the path of a mapping of your own, where a value can stand for a column, as in "
            "currency_code: {value: EUR}. Nothing was imported."
        )
    twice = sorted({name for name in file.form.columns if list(found).count(name) > 1})
    if twice:
        raise InvalidRequest(
            f"{file.name}{read_as} has these columns twice: {', '.join(twice)}. Nothing was imported."
        )
    return source


def _shown(columns: Sequence[str]) -> str:
    more = ", ..." if len(columns) > _NAMES_SHOWN else ""
    return " or ".join(columns[:_NAMES_SHOWN]) + more


def _needed(form: PlatformFormat) -> dict[str, Sequence[str]]:
    """The columns of which an order needs one, by what they tell."""
    order, line = form.order, form.line
    return {
        "number": order.number.column,
        "currency_code": order.currency_code.column,
        "total": form.amounts.total,
        "quantity": line.quantity,
        "unit_amount": (*line.unit_amount, *line.total),
    }
