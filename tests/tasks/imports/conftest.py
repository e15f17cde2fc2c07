"""Importing in tests: files made from text or rows, and the steps without Prefect around them."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from order_factory.models.results.imports import FileReport
from order_factory.models.values.statuses import Mode
from order_factory.tasks.import_file import import_file
from order_factory.tasks.imports.files import find_files
from order_factory.tasks.imports.rejects import Reject, RejectsFile
from order_factory.tasks.imports.tally import Tally
from tests.support.shop import Shop

Rows = Sequence[Mapping[str, Any]]
WriteCsv = Callable[[str, Rows], Path]


class ImportOutcome(NamedTuple):
    """What one import did: (imported, unchanged, rejected) per file, and the rejects."""

    counts: dict[str, tuple[int, int, int]]
    rejects: list[Reject]
    reports: list[FileReport]


Import = Callable[..., ImportOutcome]


def write_csv_file(path: Path, rows: Rows) -> Path:
    """Write rows as a CSV file; objects become JSON text, None an empty cell."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for row in rows:
            cells = {
                name: json.dumps(value) if isinstance(value, dict) else value
                for name, value in row.items()
            }
            writer.writerow(cells)
    return path


def write_json_lines(path: Path, rows: Rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """Write a CSV file of this name into the folder to import; its path."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return lambda name, rows: write_csv_file(folder / name, rows)


@pytest.fixture
def run_import(shop: Shop, tmp_path: Path) -> Import:
    """Import a file or a folder as the flow does."""

    def run(
        path: Path, *, mode: Mode = Mode.LIVE, chunk_size: int = 1000, update: bool = False
    ) -> ImportOutcome:
        rejects_file = RejectsFile(tmp_path / "rejects.csv")
        rejects_file.path.unlink(missing_ok=True)
        reports: list[FileReport] = [
            import_file.fn(file, mode, rejects_file, chunk_size, Tally(), update)
            for file in find_files(str(path))
        ]
        counts = {each.file: (each.imported, each.unchanged, each.rejected) for each in reports}
        assert all(
            each.read == sum(counts[each.file]) + each.updated + each.different for each in reports
        )
        return ImportOutcome(counts, _rejects_in(rejects_file.path), reports)

    return run


def _rejects_in(path: Path) -> list[Reject]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Reject(int(row["line"]), row["column"], row["reason"]) for row in csv.DictReader(file)
        ]
