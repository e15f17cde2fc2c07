"""A report as CSV."""

import csv
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from order_factory.tasks.reports.rows import COLUMNS, Part

# Whatever comes first in a cell that a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# What a shop or a caller may have written.
_FROM_OUTSIDE = ("source_order", "target_number", "errors", "reference")
_TIMES = ("started_at", "ended_at")


def _harmless(text: str | None) -> str | None:
    return f"'{text}" if text and text.startswith(_FORMULA) else text


def _written(times: list[datetime | None]) -> list[str | None]:
    """The times as text; thousands of rows share one, so each is written out once."""
    message = {time: time.isoformat(" ", "microseconds") for time in set(times) if time}
    return [None if time is None else message[time] for time in times]


class CsvReport:
    """UTF-8 with a header; times as `2026-11-23 22:00:00.250000+00:00`, nothing where it is None.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, part: Part) -> None:
        changed: dict[str, list[Any]] = {
            **{name: [_harmless(text) for text in part[name]] for name in _FROM_OUTSIDE},
            **{name: _written(part[name]) for name in _TIMES},
        }
        self._rows.writerows(zip(*(part | changed).values(), strict=True))


open_report = CsvReport
