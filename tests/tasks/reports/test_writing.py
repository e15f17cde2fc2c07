"""The report file: the same rows in every format, with any values."""

import csv
import gc
import sys
from typing import Any
from uuid import UUID

import pandas as pd
import pytest
from openpyxl import load_workbook

from order_factory.cli.failures import explain
from order_factory.models.database.engine import reading
from order_factory.models.tables import OrderFactory, StockItem
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.outcomes.account import read_batch_account
from order_factory.tasks.reports import replacing
from order_factory.tasks.reports.writing import write_report
from order_factory.tasks.selections.failed_rows import write_failed_rows
from tests.support.copying import change, copy_batch, make_batch, request_copy
from tests.support.report_batches import Batch, time_at

ENDINGS = ("csv", "parquet", "xlsx")
COLUMNS = [
    "order_factory",
    "source_order",
    "status",
    "target_order",
    "target_number",
    "errors_count",
    "errors",
    "reference",
    "started_at",
    "ended_at",
    "differences",
]
# Each would be a formula, or an error, if a spreadsheet read it for itself.
FORMULAS = ['=HYPERLINK("http://x.example")', "+1", "-1", "@SUM(A1)", "\tA", "\rA", "\nA", "#N/A"]


def report(batch, path):
    with reading() as db:
        write_report(db, batch.id, path)
    return path


def rows_of(path):
    """The rows of a report as pandas reads them: texts, whole counts, aware times, None."""
    texts = dict.fromkeys(COLUMNS, str) | {"errors_count": int}
    del texts["started_at"], texts["ended_at"]
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
    elif path.suffix == ".csv":
        frame = pd.read_csv(path, dtype=texts)
    else:
        frame = pd.concat(pd.read_excel(path, dtype=texts, sheet_name=None).values())
    for name in ("started_at", "ended_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.round("ms")
    frame = frame.astype(object)
    assert list(frame.columns) == COLUMNS
    frame = frame.drop(columns="differences")  # has a test of its own
    return [tuple(row) for row in frame.where(frame.notna(), None).itertuples(index=False)]


@pytest.mark.parametrize("rows_at_once", [2, 10_000])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_report_has_a_row_per_factory(shop, tmp_path, monkeypatch, ending, rows_at_once):
    monkeypatch.setattr("order_factory.tasks.reports.rows.ROWS_AT_ONCE", rows_at_once)
    batch = Batch(shop)
    batch.add_copy(0.25, 1.5, number="007", reference='one, "two"\nthree & <four>')
    batch.add_failed("SKU MUG: 5 wanted, 3 in stock", "SKU CAP: 2 wanted, 0 in stock", number="A2")
    batch.add_copy(number=None)
    batch.add_pending()
    batch.add_copy(2, 3, reference="ünïcode 🛒")
    Batch(shop, "another", prefix="X").add_copy()

    written = rows_of(report(batch, tmp_path / f"report.{ending}"))

    factories = [row for row in shop.rows(OrderFactory) if row.batch_id == batch.id]
    ids = [public_id(Resource.order_factories, row.id) for row in factories]
    without_number = public_id(Resource.orders, factories[2].source_order_id)
    targets = [
        row.target_order_id and public_id(Resource.orders, row.target_order_id) for row in factories
    ]
    message = "line_items: SKU MUG: 5 wanted, 3 in stock\nline_items: SKU CAP: 2 wanted, 0 in stock"
    assert written == [
        (ids[0], "007", "completed", targets[0], "OF007", 0, None)
        + ('one, "two"\nthree & <four>', time_at(0.25), time_at(1.5)),
        (ids[1], "A2", "failed", None, None, 2, message, None, time_at(0), time_at(1)),
        (
            ids[2],
            without_number,
            "completed",
            targets[2],
            None,
            0,
            None,
            None,
            time_at(0),
            time_at(1),
        ),
        (ids[3], "N1", "pending", None, None, 0, None, None, None, None),
        (
            ids[4],
            "N2",
            "completed",
            targets[4],
            "OFN2",
            0,
            None,
            "ünïcode 🛒",
            time_at(2),
            time_at(3),
        ),
    ]
    assert [path.name for path in tmp_path.iterdir()] == [f"report.{ending}"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_batch_without_a_factory_has_a_header(shop, tmp_path, ending):
    path = report(Batch(shop), tmp_path / "new folder" / f"report.{ending}")

    assert rows_of(path) == []


def test_formulas_in_csv_have_an_apostrophe_before_them(shop, tmp_path):
    batch = Batch(shop)
    for text in FORMULAS:
        batch.add_copy(number=text, reference=text)
    batch.add_failed("SKU =1: 5 wanted, 3 in stock", reference="r=1")

    path = report(batch, tmp_path / "report.csv")

    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [*(f"'{text}" for text in FORMULAS[:-1]), "#N/A", "r=1"]
    assert [row["reference"] for row in rows] == expected
    assert [row["source_order"] for row in rows] == [*expected[:-1], "N1"]
    assert rows[-1]["errors"] == "line_items: SKU =1: 5 wanted, 3 in stock"
    assert all(row["order_factory"].isalpha() for row in rows)


def test_formulas_are_texts_in_xlsx_and_parquet(shop, tmp_path):
    batch = Batch(shop)
    for text in FORMULAS:
        batch.add_copy(number=text, reference=text)

    sheet = load_workbook(report(batch, tmp_path / "report.xlsx"))["order factories"]
    frame = pd.read_parquet(report(batch, tmp_path / "report.parquet"))

    cells = [sheet.cell(nth, 8) for nth in range(2, 2 + len(FORMULAS))]
    # Excel reads _x000D_ as a carriage return, which openpyxl does not.
    shown = [text.replace("\r", "_x000D_") for text in FORMULAS]
    assert [(cell.value, cell.data_type) for cell in cells] == [(text, "s") for text in shown]
    assert [sheet.cell(nth, 2).value for nth in range(2, 2 + len(FORMULAS))] == shown
    assert list(frame["reference"]) == list(frame["source_order"]) == FORMULAS


def test_unsupported_text_in_an_xlsx_cell_is_replaced_or_cut(shop, tmp_path):
    batch = Batch(shop)
    batch.add_copy(reference="bell \x07, form feed \x0c, \ufffe")
    batch.add_copy(reference="x" * 40_000)
    batch.add_copy(reference="_x0041_ and _x_")

    sheet = load_workbook(report(batch, tmp_path / "report.xlsx"))["order factories"]

    texts = [sheet.cell(nth, 8).value for nth in (2, 3, 4)]
    assert texts[0] == "bell \ufffd, form feed \ufffd, \ufffd"
    assert texts[1] == "x" * 32_766 + "…"
    # Excel reads _x0041_ as A, and _x005F_ as an underscore.
    assert texts[2] == "_x005F_x0041_ and _x_"


@pytest.mark.parametrize("rows_at_once", [1, 3, 10_000])
def test_rows_beyond_the_limit_of_a_sheet_go_to_the_next_sheet(
    shop, tmp_path, monkeypatch, rows_at_once
):
    monkeypatch.setattr("order_factory.tasks.reports.rows.ROWS_AT_ONCE", rows_at_once)
    monkeypatch.setattr("order_factory.tasks.reports.formats.xlsx.ROWS_PER_SHEET", 3)
    batch = Batch(shop)
    for _ in range(4):
        batch.add_copy()

    full = load_workbook(report(batch, tmp_path / "full.xlsx"))
    batch.add_copy()
    more = load_workbook(report(batch, tmp_path / "more.xlsx"))

    numbers = {sheet.title: [cell.value for cell in sheet["B"]] for sheet in more}
    assert full.sheetnames == ["order factories", "order factories 2"]
    assert numbers == {
        "order factories": ["source_order", "N1", "N2"],
        "order factories 2": ["source_order", "N3", "N4"],
        "order factories 3": ["source_order", "N5"],
    }


def test_an_existing_report_is_complete(shop, tmp_path, monkeypatch):
    batch = Batch(shop)
    batch.add_copy()
    path = report(batch, tmp_path / "report.csv")
    before = path.read_text()
    batch.add_copy()

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr("order_factory.tasks.reports.formats.csv.CsvReport.write", fail)
    with pytest.raises(OSError, match="the disk is full"):
        report(batch, path)

    assert path.read_text() == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_api_shows_how_a_copy_differs_from_its_source(shop, tmp_path, ending):
    short = shop.order(lines=[("MUG", 2, 12_50), ("RARE", 5, 1_00)])
    change(StockItem, shop.rows(StockItem)[-1].id, quantity=3)
    factories = [
        request_copy(short, skip_errors=True),
        request_copy(shop.order()),
        request_copy(short),
    ]
    batch = make_batch(factories)
    assert copy_batch(batch) == []
    with reading() as db:
        write_report(db, batch, tmp_path / f"report.{ending}")

    readers: dict[str, Any] = {
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
        "xlsx": pd.read_excel,
    }
    column = readers[ending](tmp_path / f"report.{ending}")["differences"].astype(object)

    expected = (
        "line_items: RARE: 5 -> none (SKU RARE: 5 wanted, 3 in stock)\n"
        "totals: subtotal_amount_cents: 3000 -> 2500\n"
        "totals: total_amount_cents: 3000 -> 2500\n"
        "totals: total_amount_with_taxes_cents: 3000 -> 2500"
    )
    assert column.where(column.notna(), None).tolist() == [expected, None, None]


@pytest.fixture
def full(tmp_path, monkeypatch):
    """A folder in which every new file is on a full disk."""
    monkeypatch.setattr(replacing, "uuid4", lambda: UUID(int=0))
    # The ZIP file of a workbook tries to write once more when it is deleted.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    for name in (f"report.{ending}" for ending in (*ENDINGS, "jsonl", "html")):
        (tmp_path / f"{name}.00000000.part").symlink_to("/dev/full")
    yield tmp_path
    gc.collect()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_ends_no_run(shop, full, ending):
    batch = Batch(shop)
    batch.add_failed("SKU MUG: 5 wanted, 3 in stock")
    path = full / f"report.{ending}"
    path.write_text("an earlier report")

    with reading() as db:
        account = read_batch_account(db, batch.id, closed=1, seconds=1.0, report=path)

    assert (account.result.failed, account.result.report_path) == (1, None)
    assert path.read_text() == "an earlier report"


@pytest.mark.parametrize("ending", [*ENDINGS, "jsonl"])
def test_a_full_disk_is_an_error_of_the_system(shop, full, ending):
    batch = Batch(shop)
    batch.add_failed("SKU MUG: 5 wanted, 3 in stock")

    with reading() as db, pytest.raises(OSError, match="Errno 28") as raised:
        write_failed_rows(db, batch.id, full / f"report.{ending}")

    assert explain(raised.value) == ("file_error", "No space left on device.", 2)
