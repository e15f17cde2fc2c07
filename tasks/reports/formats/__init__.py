"""The formats of a report: each module here is one and has the name of its ending.

A module has the function `open_report(path)`, which returns a `ReportWriter`. The formats are
found by the names of the modules, so a new one needs no other file.
"""

from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from order_factory.tasks.reports.rows import Part

ENDINGS = tuple(sorted(f".{module.name}" for module in iter_modules(__path__)))
# For help texts: `.csv, .parquet or .xlsx`.
ENDINGS_IN_WORDS = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"


class ReportWriter(AbstractContextManager["ReportWriter"], Protocol):
    """Writes a report part by part. The file is complete at the end of the context."""

    def write(self, part: "Part") -> None: ...


def open_report(path: Path, ending: str) -> ReportWriter:
    """Return a writer of the format with this ending, one of `ENDINGS`."""
    module = import_module(f"{__name__}.{ending.removeprefix('.')}")
    return cast(ReportWriter, module.open_report(path))
