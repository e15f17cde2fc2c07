"""The formats of an export: each module here is one and has the name of its ending.

A module has `header(columns)` and `encode(columns, cells)`, which return bytes, and
`finish(columns, part, final)`. The bytes of a header and of chunks may be cut off after any chunk,
and more chunks may follow: that is how an export is resumed.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.exports.columns import ExportColumn

FORMATS = tuple(sorted(module.name for module in iter_modules(__path__)))

# The cells of each column, in the order of the columns; objects are JSON text.
Cells = Sequence[Sequence[Any]]


class ExportFormat(Protocol):
    """How the rows of a file are written. The same rows always give the same bytes."""

    def header(self, columns: Sequence[ExportColumn]) -> bytes: ...

    def encode(self, columns: Sequence[ExportColumn], cells: Cells) -> bytes: ...

    def finish(self, columns: Sequence[ExportColumn], part: Path, final: Path) -> None:
        """Make the file of all chunks. Both paths are in the same folder; `part` may stay."""


def find_format(name: str) -> ExportFormat:
    """The format of this name. Raises `InvalidRequest` for another one."""
    if name not in FORMATS:
        raise InvalidRequest(
            f"There is no export format {name!r}. Use one of: {', '.join(FORMATS)}."
        )
    return cast(ExportFormat, import_module(f"{__name__}.{name}"))
