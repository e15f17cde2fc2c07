"""Files with wrong rows: every wrong row is reported with its place, and nothing is written."""

from datetime import date, datetime
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from order_factory.models.errors import SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import Event, OrderFactory, OrderFactoryBatch
from order_factory.tasks.reports.rows import COLUMNS
from order_factory.tasks.selections.checking import check_selection
from order_factory.tasks.selections.reading import read_selection

ROUNDED = "the number has more than 15 digits and was rounded; give it as text"
TWICE = "to copy it twice, give each copy its own reference"
NUL = "the value contains the character 0, which cannot be stored"
MISSING = "line 3, source_order: the order's number or public id is missing"
HALF = "the text contains half of a character (a lone surrogate), which cannot be stored"
HEAD = "source_order,reference,metadata,reuse_wallet\n"
from tests.support.copying import find_or_record


def rows_of(path):
    """The numbers of the rows and the orders that they name; of a selection without problems."""
    selection = check_selection(read_selection(str(path)), CopyOptions())
    assert selection.problems == []
    return dict(zip(selection.rows.numbers, selection.rows.columns["source_order"], strict=True))


def list_problems(path):
    """The problems of the file that are found without the database."""
    try:
        selection = check_selection(read_selection(str(path)), CopyOptions())
    except SelectionInvalid as invalid:
        return invalid.args[1]
    return [message for _, message in sorted(selection.problems)]


def workbook(path, *rows, formats=None):
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in rows:
        sheet.append(row)
    for cell, number_format in (formats or {}).items():
        sheet[cell].number_format = number_format
    book.save(path)
    return path


def test_a_file_reports_every_kind_of_bad_row_at_once(shop, tmp_path):
    for number in ("A1", "A2", "A3", "A4"):
        shop.order(number=number)
    shop.order(number="A5", mode="test")
    path = tmp_path / "bad.csv"
    path.write_text(
        HEAD + "A1,,,\n"
        ",x,,\n"
        "nope,,,\n"
        "A5,,,\n"
        "A1,,,\n"
        f"A2,{'x' * 256},,\n"
        "A2,,{bad,\n"
        '"A3","two\nlines",,\n'
        "\n"
        "A4,,,perhaps\n"
        "A2,again\n"
        "A3,,,,x\n"
        "A4,nul\0,,\n"
    )

    with pytest.raises(SelectionInvalid) as raised:
        find_or_record("night", CopyOptions(), orders=str(path))

    name, problems = raised.value.args
    assert name == "bad.csv"
    assert problems == [
        "line 3, source_order: the order's number or public id is missing",
        "line 4: no live order has the number or id 'nope'",
        "line 5: no live order has the number or id 'A5'; there is a test order: use --mode test",
        f"line 6: order 'A1' is already in line 2; {TWICE}",
        "line 7, reference: the text has 256 characters; at most 255 are allowed",
        "line 8, metadata: the value is not valid JSON",
        "line 12, reuse_wallet: true or false is expected",
        "line 13 has 2 values where the first line names 4 columns",
        "line 14 has 5 values where the first line names 4 columns",
        "line 15, reference: the text contains the character 0, which cannot be stored",
    ]
    for table in (OrderFactoryBatch, OrderFactory, Event):
        assert shop.rows(table) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ["it is empty (0 bytes)"]),
        (b"source_order\n", ["it names no order"]),
        (b"source_order;reference\nA1;\n;x\n", [MISSING]),
        ("source_order\treference\nA1\t\n\tx\n".encode("utf-16"), [MISSING]),
        ("source_order,reference\nA1,M\xfcller\n,x\n".encode("latin-1"), [MISSING]),
        (b" Source_Order ,Reference,,\n,,,\nA1,x,,\n,x,,\n", [MISSING.replace("3", "4")]),
        (b"source_order,\nA1,x\n", ["line 2 has a value in column 2, under no column's name"]),
        (
            b"source_order\n1.23E+11\n",
            [
                (
                    "line 2, source_order: 1.23E+11 looks like a number that a spreadsheet has shortened; "
                    "format the column as text"
                )
            ],
        ),
        (
            b"order,reference\nA1,x\n",
            [
                "the column 'source_order' is missing: the number or id of each order",
                "unknown columns: 'order'",
            ],
        ),
        (
            "source_order,reference\nA1,\xe9\nA2,M".encode() + b"\xfcller\n",
            ["line 3, reference: the text is not UTF-8; save the file as UTF-8"],
        ),
        (b"source_order,source_order\nA1,A2\n", ["a column occurs twice"]),
        (
            b"source_order\nA1\n" + b"9" * 200_000 + b"\n",
            ["line 3 is broken CSV: field larger than field limit (131072)"],
        ),
        (
            b'source_order,reference\nA1,"never closed\nA2,x\n',
            ["line 2 is broken CSV: unexpected end of data"],
        ),
        (
            b'source_order,metadata\nA1,"{""a"": ""\\u0000""}"\nA2,"{""a"": NaN}"\n',
            [
                f"line 2, metadata: {NUL}",
                (
                    "line 3, metadata: the value is not valid JSON: it contains NaN, infinity or a "
                    "value that JSON does not have"
                ),
            ],
        ),
    ],
)
def test_an_unusable_csv_file_is_an_error(tmp_path, content, message):
    path = tmp_path / "o.csv"
    path.write_bytes(content)

    assert list_problems(path) == message


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1001.0", "1001"),
        ("123", "00123"),
        ("00123", "123"),
        ("#1001", "1001"),
        ("1001", "#1001"),
        ("a-1", "A-1"),
    ],
)
def test_an_unknown_number_is_reported_with_a_similar_one(shop, tmp_path, written, stored):
    shop.order(number=stored)
    path = tmp_path / "o.csv"
    path.write_text(f"source_order\n{written}\n")

    with pytest.raises(SelectionInvalid) as raised:
        find_or_record("night", CopyOptions(), orders=str(path))

    assert raised.value.args[1] == [
        f"line 2: no live order has the number or id {written!r}; did you mean {stored!r}?"
    ]
    assert shop.rows(OrderFactory) == []


def test_additions_of_spreadsheets_to_a_number_are_removed(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text(
        'source_order\n"=""00123"""\n\'1001\n\'-1004\n\'@x\n\u00a01005\u200b\nCafe\u0301\n\'tis\n'
    )

    orders = ["00123", "1001", "-1004", "@x", "1005", "Café", "'tis"]
    assert list(rows_of(path).values()) == orders


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson"])
def test_json_lines_have_two_endings(tmp_path, ending):
    path = tmp_path / f"o{ending}"
    path.write_text('{"Source_Order": "A1"}\n')

    assert rows_of(path) == {1: "A1"}


def test_a_report_can_be_used_as_a_selection(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text(",".join(COLUMNS) + "\nmHzHnRlcZD,'-1004,failed,,,1,line_items: gone,r-1,,,\n")

    selection = check_selection(read_selection(str(path)), CopyOptions())

    assert selection.rows.columns == {"source_order": ["-1004"], "reference": ["r-1"]}


def test_csv_with_a_byte_order_mark_blank_lines_leading_zeros_and_spaces(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text('\ufeffsource_order,reference\r\n007,"two\nlines"\r\n\r\n A2 ,\r\n')

    assert rows_of(path) == {2: "007", 5: "A2"}


def test_an_unusable_json_lines_file_is_an_error(tmp_path):
    path = tmp_path / "o.jsonl"
    path.write_text(
        '{"source_order": 31}\n'
        "not JSON\n"
        "\n"
        '{"source_order": {"id": 1}}\n'
        '{"source_order": true}\n'
        '{"source_order": 1.5}\n'
        '{"source_order": "A", "reference": ["x"]}\n'
        '{"source_order": "\\ud800"}\n'
        "[1]\n"
        '{"reference": "x"}\n'
    )

    assert list_problems(path) == [
        "line 2 is not JSON: Expecting value at character 1",
        "line 4, source_order: an order's number or public id is expected",
        "line 5, source_order: an order's number or public id is expected, not a truth value",
        "line 6, source_order: an order's number or public id is expected, not a fraction",
        "line 7, reference: text is expected",
        f"line 8, source_order: {HALF}",
        "line 9 is not a JSON object",
        "line 10, source_order: the order's number or public id is missing",
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([31, 7]), {1: "31", 2: "7"}),
        (pa.array([31.0, 7.0]), {1: "31", 2: "7"}),
        (pa.array(["A", "B"]).dictionary_encode(), {1: "A", 2: "B"}),
        (pa.array([31, 7]).cast(pa.decimal128(22, 2)), {1: "31", 2: "7"}),
    ],
    ids=["int", "float", "dictionary", "decimal"],
)
def test_parquet_columns_of_every_type(tmp_path, values, message):
    pq.write_table(pa.table({"source_order": values}), tmp_path / "o.parquet")

    assert rows_of(tmp_path / "o.parquet") == message


def test_an_unusable_parquet_file_is_an_error(tmp_path):
    values = pa.array([31.0, None, 1.5, 1e15])
    pq.write_table(pa.table({"source_order": values}), tmp_path / "o.parquet")
    pq.write_table(pa.table({"source_order": [date(2026, 1, 1)]}), tmp_path / "dates.parquet")

    assert list_problems(tmp_path / "o.parquet") == [
        "row 2, source_order: the order's number or public id is missing",
        "row 3, source_order: an order's number or public id is expected, not a fraction",
        f"row 4, source_order: {ROUNDED}",
    ]
    assert list_problems(tmp_path / "dates.parquet") == [
        "row 1, source_order: an order's number or public id is expected, not a date"
    ]


def test_a_spreadsheet_keeps_its_numbers_and_zeros(tmp_path):
    rows = ["source_order"], [31198570044.0], [None], [7], ["007"]
    path = workbook(tmp_path / "o.xlsx", *rows, formats={"A4": "00000"})

    assert rows_of(path) == {2: "31198570044", 4: "00007", 5: "007"}


def test_an_unusable_spreadsheet_is_an_error(tmp_path):
    path = workbook(
        tmp_path / "o.xlsx",
        ["source_order", "reference"],
        [datetime(2026, 1, 1), "x"],  # noqa: DTZ001  (a spreadsheet has no time zones)
        ["A", date(2026, 1, 1)],
        [1.2345678901234568e17, "x"],
        [None, "x"],
        ["A", "#N/A"],
        ["A", "=1+1"],
        ["A", "x", "more"],
    )

    assert list_problems(path) == [
        "row 2, source_order: an order's number or public id is expected, not a date",
        "row 3, reference: text is expected",
        f"row 4, source_order: {ROUNDED}",
        "row 5, source_order: the order's number or public id is missing",
        "row 6 has the error #N/A in B6",
        "row 7 has a formula without a value in B7; have Excel save the file",
        "row 8 has a value in C8, under no column's name",
    ]


def test_a_frame_with_numbers_of_numpy_and_gaps(shop):
    keys = [shop.order(number=number) for number in ("5", "6")]
    frame = pd.DataFrame({"source_order": [5, 6], "skip_errors": [True, None]}, index=[8, 8])

    find_or_record("night", CopyOptions(reuse_wallet=False), orders=frame)

    factories = shop.rows(OrderFactory)
    assert [row.source_order_id for row in factories] == keys
    assert [row.skip_errors for row in factories] == [True, False]
    assert [row.reuse_wallet for row in factories] == [False, False]
    assert [(row.reference, row.metadata) for row in factories] == [(None, None)] * 2
