"""Importing exports of other platforms in tests: the examples, and files of a few columns."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from order_factory.models.values.statuses import Mode
from order_factory.tasks.import_platform_file import PlatformTally, import_platform_file
from order_factory.tasks.imports.platforms.conversion import ConvertedOrder, convert_order
from order_factory.tasks.imports.platforms.files import find_platform_files, open_platform_file
from order_factory.tasks.imports.platforms.order_rows import group_orders
from order_factory.tasks.imports.rejects import RejectsFile
from tests.support.documents import ROOT

EXAMPLES = {
    "shopify": ROOT / "examples/platforms/shopify_orders_export.csv",
    "woocommerce": ROOT / "examples/platforms/woocommerce_orders.csv",
    "adobe_commerce": ROOT / "examples/platforms/adobe_commerce_orders.csv",
}
Rows = Sequence[Mapping[str, Any]]


class ImportOutcome(NamedTuple):
    """The counts (imported, unchanged, different, rejected) by resource, and the rejects."""

    counts: dict[str, tuple[int, int, int, int]]
    rejects: list[tuple[int, str, str]]


ImportExport = Callable[..., ImportOutcome]


@pytest.fixture
def import_export(tmp_path: Path) -> ImportExport:
    """Import an export as the flow does."""

    def run(
        path: Path, form: str, *, chunk_size: int = 1000, update: bool = False
    ) -> ImportOutcome:
        rejects = tmp_path / "rejects.csv"
        rejects.unlink(missing_ok=True)
        (file,) = find_platform_files(str(path), form)
        reports = import_platform_file.fn(
            file, Mode.LIVE, RejectsFile(rejects), chunk_size, PlatformTally(), update
        )
        counts = {
            each.resource: (each.imported, each.unchanged, each.different, each.rejected)
            for each in reports
        }
        assert all(each.read == sum(counts[each.resource]) + each.updated for each in reports)
        return ImportOutcome(counts, _read(rejects))

    return run


def _read(rejects: Path) -> list[tuple[int, str, str]]:
    if not rejects.exists():
        return []
    with rejects.open(encoding="utf-8", newline="") as file:
        return [(int(row["line"]), row["column"], row["reason"]) for row in csv.DictReader(file)]


def convert_file(path: Path, form: str) -> list[ConvertedOrder]:
    """The orders of an export, without a database."""
    (file,) = find_platform_files(str(path), form)
    records = open_platform_file(file).records()
    return [convert_order(file.form, group) for group in group_orders(file.form, records)]


def write_rows(path: Path, rows: Rows) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def shopify_order(number: str, *items: tuple[str, str, str], **header: str) -> list[dict[str, str]]:
    """The rows of an order in euros; an item is (quantity, price, SKU)."""
    rows = [
        {
            "Name": f"#{number}",
            "Lineitem quantity": quantity,
            "Lineitem name": f"Item {sku}",
            "Lineitem price": price,
            "Lineitem sku": sku,
        }
        for quantity, price, sku in items
    ]
    usual = {
        "Email": "ann@shop.example",
        "Financial Status": "paid",
        "Currency": "EUR",
        "Subtotal": "10.00",
        "Shipping": "0.00",
        "Taxes": "0.00",
        "Total": "10.00",
        "Discount Amount": "0.00",
        "Created at": "2026-01-15 12:00:00 +0100",
    }
    rows[0] |= usual | {name.replace("_", " "): value for name, value in header.items()}
    return rows
