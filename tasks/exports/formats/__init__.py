"""The formats of an export. Each module of this folder is a format, named like its file ending.

A module has the functions of `ExportFormat`. An export that is resumed is cut off after its last
complete chunk, and continued with the next one.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.exports.columns import ExportColumn

FORMATS = tuple(sorted(module.name for module in iter_modules(__path__)))

# The cells of each column, in the order of the columns. Objects are JSON text.
Cells = Sequence[Sequence[Any]]


class ExportFormat(Protocol):
    """The functions of a format. The same rows always give the same bytes."""

    def header(self, columns: Sequence[ExportColumn]) -> bytes: ...

    def encode(self, columns: Sequence[ExportColumn], cells: Cells) -> bytes: ...

    def finish(self, columns: Sequence[ExportColumn], part: Path, final: Path) -> None:
        """Make the file `final` from the chunks in `part`, in the same folder. `part` may remain."""


def find_format(name: str) -> ExportFormat:
    """Return the format with this name. Raises `InvalidRequest` for an unknown name."""
    if name not in FORMATS:
        raise InvalidRequest(
            f"There is no export format {name!r}. Use one of: {', '.join(FORMATS)}."
        )
    return cast(ExportFormat, import_module(f"{__name__}.{name}"))
