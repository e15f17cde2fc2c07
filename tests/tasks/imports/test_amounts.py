"""Amounts are whole cents: decimals are refused, with all other amounts of the file."""

from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from order_factory.models.tables import Order
from order_factory.tasks.imports.checking import check_rows, find_decimals
from order_factory.tasks.imports.resources import RESOURCES
from order_factory.tasks.row_files.records import Record
from tests.tasks.imports.conftest import write_csv_file, write_json_lines

AMOUNTS = [
    (resource.name, column)
    for resource in RESOURCES.values()
    for column in resource.columns
    if column.endswith("_cents")
]
TWENTY = "is 20.00; amounts are whole cents, write 2000"


def reasons(resource, column, *values):
    """The reasons for rejecting this column in rows with these values, by line."""
    records = [Record(line, {column: value}) for line, value in enumerate(values, start=1)]
    _, rejects = check_rows(resource, records, find_decimals(resource, records))
    return {each.line: each.reason for each in rejects if each.column == column}


@pytest.mark.parametrize(("resource", "column"), AMOUNTS)
@pytest.mark.parametrize("value", ["20.00", Decimal("20.00")])
def test_every_amount_column_refuses_decimals_and_explains_the_format(resource, column, value):
    assert reasons(resource, column, value) == {1: TWENTY}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("12.50", "is 12.50; amounts are whole cents, write 1250"),
        ("20,00", "is 20,00; amounts are whole cents, write 2000"),
        ("-0.5", "is -0.5; amounts are whole cents, write -50"),
        (20.0, "is 20.0; amounts are whole cents, write 2000"),
        ("1.000", "is 1.000; amounts are whole cents"),
        (True, "is true or false; amounts are whole cents"),
        ("1_000", "is not a whole number; amounts are whole cents, such as 1250 for 12.50"),
        ("1,000.00", "is not a whole number; amounts are whole cents, such as 1250 for 12.50"),
        ("２０", "is not a whole number; amounts are whole cents, such as 1250 for 12.50"),
    ],
)
def test_other_values_that_are_not_amounts_are_reported(value, reason):
    assert reasons("orders", "total_amount_cents", value) == {1: reason}


@pytest.mark.parametrize("value", [20, "20", " 20 ", "+20", Decimal(20)])
def test_whole_cents_are_accepted(value):
    assert reasons("orders", "total_amount_cents", value) == {}


def write_csv(folder, amounts):
    rows = [_order(n, amount) for n, amount in enumerate(amounts)]
    return write_csv_file(folder / "orders.csv", rows)


def write_orders_as_json_lines(folder, amounts):
    rows = [_order(n, float(amount)) for n, amount in enumerate(amounts)]
    return write_json_lines(folder / "orders.jsonl", rows)


def write_parquet(folder, amounts):
    rows = [_order(n, Decimal(amount)) for n, amount in enumerate(amounts)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "orders.parquet")
    return folder / "orders.parquet"


def write_workbook(folder, amounts):
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(_order(0, "")))
    for n, amount in enumerate(amounts):
        sheet.append(list(_order(n, float(amount)).values()))
        sheet.cell(n + 2, 3).number_format = '#,##0.00 "€"'
    book.save(folder / "orders.xlsx")
    return folder / "orders.xlsx"


def _order(n, amount):
    return {"number": f"A{n}", "currency_code": "EUR", "total_amount_cents": amount}


@pytest.mark.parametrize(
    "write", [write_csv, write_orders_as_json_lines, write_parquet, write_workbook]
)
def test_no_format_takes_20_00_for_20_cents(shop, tmp_path, run_import, write):
    path = write(tmp_path, ["12.50", "20.00"])

    imported = run_import(path)

    assert imported.counts == {path.name: (0, 0, 2)}
    assert [(each.column, each.reason.split("; ")[1]) for each in imported.rejects] == [
        ("total_amount_cents", "amounts are whole cents, write 1250"),
        ("total_amount_cents", "amounts are whole cents, write 2000"),
    ]
    assert shop.rows(Order) == []


def test_whole_numbers_beside_decimals_are_refused_too(shop, tmp_path, run_import):
    path = write_csv(tmp_path, ["20", "12.50"])

    imported = run_import(path, chunk_size=1)

    assert imported.rejects == [
        (
            2,
            "total_amount_cents",
            (
                "is a whole number, but line 3 has an amount with decimals; "
                "write all amounts of the file in whole cents"
            ),
        ),
        (3, "total_amount_cents", "is 12.50; amounts are whole cents, write 1250"),
    ]
    assert shop.rows(Order) == []


def test_whole_cents_in_a_parquet_column_of_floats_are_accepted(shop, tmp_path, run_import):
    """As pandas makes it where some values are missing."""
    table = {
        "number": ["A", "B"],
        "currency_code": ["EUR", "EUR"],
        "total_amount_cents": [2000.0, 1250.0],
        "shipping_amount_cents": [500.0, None],
    }
    pq.write_table(pa.table(table), tmp_path / "orders.parquet")

    imported = run_import(tmp_path / "orders.parquet")

    assert imported.rejects == []
    amounts = [(row.total_amount_cents, row.shipping_amount_cents) for row in shop.rows(Order)]
    assert amounts == [(2000, 500), (1250, 0)]
