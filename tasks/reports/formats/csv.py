"""A report as CSV."""

import csv
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from order_factory.tasks.reports.rows import COLUMNS, Part

# First characters of cells that a spreadsheet reads as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# Columns with text of a shop or a caller.
_FROM_OUTSIDE = ("source_order", "target_number", "errors", "reference", "differences")
_TIMES = ("started_at", "ended_at")


def _make_harmless(texts: list[str | None]) -> list[str | None]:
    return [f"'{text}" if text and text.startswith(_FORMULA) else text for text in texts]


def _format_times(times: list[datetime | None]) -> list[str | None]:
    """Format the times; thousands of rows share one, so each is formatted once."""
    formatted = {time: time.isoformat(" ", "microseconds") for time in set(times) if time}
    return [None if time is None else formatted[time] for time in times]


class CsvReport:
    """UTF-8 with a header; times as `2026-11-23 22:00:00.250000+00:00`; None is an empty cell.

    A text that a spreadsheet would read as a formula gets an apostrophe in front.
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
            **{name: _make_harmless(part[name]) for name in _FROM_OUTSIDE if any(part[name])},
            **{name: _format_times(part[name]) for name in _TIMES},
        }
        self._rows.writerows(zip(*(part | changed).values(), strict=True))


open_report = CsvReport
