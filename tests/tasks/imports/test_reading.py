"""Files that cannot be imported at all: one clear error before anything is written."""

import json
import re
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.imports.files import ImportFile
from order_factory.tasks.imports.reading import open_source, split_into_chunks
from order_factory.tasks.row_files.records import Record
from tests.support.import_examples import make_plain_order
from tests.tasks.imports.conftest import write_csv_file

SOME_DAY = datetime(2026, 1, 15, tzinfo=UTC)


def open_file(path):
    return open_source(ImportFile(path, path.name.split(".")[0]))


def refusal(path):
    with pytest.raises(InvalidRequest) as refused:
        open_file(path)
    return str(refused.value)


def test_unknown_and_missing_columns_are_reported_with_the_known_ones(tmp_path):
    path = tmp_path / "stock_items.csv"
    path.write_text("sku,quantity,colour,quantity\nMUG,1,red,1\n")

    assert refusal(path) == (
        "The columns of stock_items.csv are not those of stock_items: unknown: 'sku', 'colour'; "
        "missing: sku_code, stock_location; repeated: quantity. Nothing was imported."
    )


def test_the_first_of_many_unknown_columns_are_reported_with_suggestions(tmp_path):
    path = tmp_path / "customers.csv"
    names = ["e_mail", "statuss", "Name", "Total", "Paid at", "Currency", "Id"]
    path.write_text(",".join(names) + "\n")

    assert refusal(path) == (
        "The columns of customers.csv are not those of customers: unknown: "
        "'e_mail' (is email meant?), 'statuss' (is status meant?), 'Name', 'Total', 'Paid at' "
        "and 2 more; missing: email. Nothing was imported."
    )


def test_columns_of_another_platform_are_refused_with_the_option_to_add(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("Name,Email,Financial Status\n#1001,ann@shop.example,paid\n")

    assert refusal(path).endswith(
        "Nothing was imported. For an order export of another platform add --format shopify, "
        "woocommerce or adobe_commerce."
    )


def test_letter_case_and_blanks_in_the_names_of_columns_do_not_matter(tmp_path):
    path = tmp_path / "stock_items.csv"
    path.write_text(" SKU_Code,Stock location,\u00a0QUANTITY\nMUG,main,1\n")

    assert list(open_file(path).records()) == [
        Record(2, {"sku_code": "MUG", "stock_location": "main", "quantity": "1"})
    ]


@pytest.mark.parametrize("extra", ["id", "line", "mode", "customer_id", "created_at"])
def test_ids_and_what_the_import_sets_itself_are_unknown_columns(tmp_path, extra):
    path = write_csv_file(tmp_path / "orders.csv", [make_plain_order("1", **{extra: "1"})])

    assert f"unknown: {extra!r}" in refusal(path)


def test_the_first_json_object_defines_the_columns(tmp_path):
    path = tmp_path / "customers.jsonl"
    path.write_text("\n" + json.dumps({"mail": "ann@shop.example"}) + "\n")

    assert "unknown: 'mail' (is email meant?); missing: email" in refusal(path)


def test_unknown_and_missing_columns_of_parquet(tmp_path):
    path = tmp_path / "customers.parquet"
    pq.write_table(pa.table({"mail": ["ann@shop.example"]}), path)

    assert "unknown: 'mail' (is email meant?); missing: email" in refusal(path)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "ndjson", "parquet"])
def test_an_empty_file_is_an_error(tmp_path, ending):
    path = tmp_path / f"orders.{ending}"
    path.touch()

    assert refusal(path) == f"The file orders.{ending} is empty (0 bytes)."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_unicode_encoding_is_recognised(tmp_path, encoding):
    as_json = tmp_path / "customers.jsonl"
    as_json.write_text('{"email": "a@shop.example", "profile_id": "Müller"}\n', encoding=encoding)
    as_text = tmp_path / "customers.csv"
    as_text.write_text("email,profile_id\na@shop.example,Müller\n", encoding=encoding)

    for path, line in ((as_json, 1), (as_text, 2)):
        source = open_file(path)
        assert list(source.records()) == [
            Record(line, {"email": "a@shop.example", "profile_id": "Müller"})
        ]
        assert source.read_as == ("as UTF-16 text" if "16" in encoding else "")


def test_latin_1_is_recognised_and_reported(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_bytes("email,profile_id\na@shop.example,Müller – 5 €\n".encode("cp1252"))

    source = open_file(path)

    assert source.read_as == "as Latin-1 text"
    assert [record.values["profile_id"] for record in source.records()] == ["Müller – 5 €"]


@pytest.mark.parametrize(
    ("first_line", "message"),
    [
        ("\n , \n", "The file orders.csv has no line that names the columns; all of it is blank."),
        ('"number\n', "The first line of orders.csv is broken CSV: unexpected end of data."),
    ],
)
def test_a_csv_file_without_a_header_is_an_error(tmp_path, first_line, message):
    path = tmp_path / "orders.csv"
    path.write_text(first_line)

    assert refusal(path) == message


@pytest.mark.parametrize(
    ("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")]
)
@pytest.mark.parametrize("announcement", ["", "sep={}\n"])
def test_other_separators_than_the_comma_are_recognised(tmp_path, separator, name, announcement):
    path = tmp_path / "customers.csv"
    text = "email;profile_id\na@shop.example;1,5\n".replace(";", separator)
    path.write_text(announcement.format(separator) + text)

    source = open_file(path)

    (record,) = source.records()
    assert record.values == {"email": "a@shop.example", "profile_id": "1,5"}
    assert source.read_as == f"with {name}"


def test_columns_without_a_name_and_rows_without_a_value_are_passed_over(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text(
        "\n,,,\nemail,,profile_id,\na@shop.example,,x,\n,,,\n , ,\u00a0, \nb@shop.example,,,,,\n"
        "c@shop.example,y,,\n"
    )

    source = open_file(path)

    assert source.columns == ("email", "profile_id")
    assert list(source.records()) == [
        Record(4, {"email": "a@shop.example", "profile_id": "x"}),
        Record(7, {"email": "b@shop.example"}),
        Record(8, {}, "has a value in column 2, under no column's name"),
    ]


@pytest.mark.parametrize("content", [b"number\n1\n", b"PAR1 and no more PAR1"])
def test_an_invalid_parquet_file_is_an_error(tmp_path, content):
    path = tmp_path / "orders.parquet"
    path.write_bytes(content)

    message = "The file orders.parquet is no valid Parquet file: it cannot be opened."
    assert refusal(path) == message


def test_a_damaged_parquet_page_is_reported_with_its_row(tmp_path):
    path = tmp_path / "customers.parquet"
    emails = [f"{n}@shop.example" for n in range(30_000)]
    pq.write_table(pa.table({"email": emails}), path, row_group_size=10_000, use_dictionary=False)
    second = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[second : second + 2000] = bytes(2000)
    path.write_bytes(content)

    source = open_file(path)

    assert source.expected_rows == 30_000
    with pytest.raises(InvalidRequest, match="it cannot be read beyond row 10000"):
        list(source.records())


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("number", pa.array([True]), "number is bool, and must be text"),
        ("customer", pa.array([SOME_DAY]), "customer is timestamp[us, tz=UTC], and must be text"),
        (
            "placed_at",
            pa.array([SOME_DAY.replace(tzinfo=None)]),
            "placed_at is timestamp[us], and must be a timestamp with a time zone",
        ),
        (
            "placed_at",
            pa.array([SOME_DAY.date()]),
            "placed_at is date32[day], and must be a timestamp with a time zone",
        ),
        (
            "total_amount_cents",
            pa.array([True]),
            "total_amount_cents is bool, and must be a number",
        ),
        ("tax_rate", pa.array([True]), "tax_rate is bool, and must be a number"),
        ("guest", pa.array([1]), "guest is int64, and must be a boolean"),
        ("metadata", pa.array([[1]]), "metadata is list<element: int64>, and must be a struct"),
    ],
)
def test_parquet_columns_of_the_wrong_type_are_an_error(tmp_path, column, values, message):
    path = tmp_path / "orders.parquet"
    right = {
        "number": pa.array(["1"]),
        "currency_code": pa.array(["EUR"]),
        "total_amount_cents": pa.array([1.0]),
    }
    pq.write_table(pa.table(right | {column: values}), path)

    assert refusal(path).startswith(f"Columns of orders.parquet have the wrong type: {message}")


def test_parquet_columns_of_text_dictionaries_and_nulls_are_read(tmp_path):
    path = tmp_path / "orders.parquet"
    table = pa.table(
        {
            "number": pa.array(["1"], pa.large_string()),
            "currency_code": pa.array(["EUR"]).dictionary_encode(),
            "total_amount_cents": pa.array(["100"]),
            "placed_at": pa.array(["2026-01-15T00:00:00Z"]),
            "approved_at": pa.array([SOME_DAY], pa.timestamp("ns", tz="Europe/Paris")),
            "guest": pa.nulls(1),
        }
    )
    pq.write_table(table, path)

    records = list(open_file(path).records())

    assert records == [
        Record(
            1,
            {
                "number": "1",
                "currency_code": "EUR",
                "total_amount_cents": "100",
                "placed_at": "2026-01-15T00:00:00Z",
                "approved_at": SOME_DAY,
            },
        )
    ]


def test_a_file_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "orders.csv"
    path.write_text("number\n")

    def deny(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", deny)  # the tests may run as root

    assert refusal(path) == "The file orders.csv cannot be read: Permission denied."


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("orders.csv", "number,currency_code,total_amount_cents\n1,EUR,0\n2,EUR,0", 2),
        ("orders.csv", "number,currency_code,total_amount_cents\n", 0),
        ("customers.jsonl", '{"email": "a@shop.example"}\n', 1),
    ],
)
def test_the_rows_of_text_are_expected_from_its_lines(tmp_path, name, content, rows):
    path = tmp_path / name
    path.write_text(content)

    source = open_file(path)

    assert source.expected_rows == rows
    assert len(list(source.records())) == rows


def save_workbook(path, *sheets):
    """A workbook of these sheets: (name, state, rows); a cell may be (value, number format)."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, state, rows in sheets:
        sheet = book.create_sheet(name)
        sheet.sheet_state = state
        for line, row in enumerate(rows, start=1):
            for place, cell in enumerate(row, start=1):
                value, number_format = cell if isinstance(cell, tuple) else (cell, "General")
                sheet.cell(line, place, value).number_format = number_format
    book.save(path)
    return path


def test_the_first_sheet_that_a_person_sees_is_read(tmp_path):
    path = save_workbook(
        tmp_path / "customers.xlsx",
        ("Notes", "hidden", [["hello"]]),
        ("Customers", "visible", [["Email", None], [None], ["a@shop.example"]]),
    )

    source = open_file(path)

    assert source.read_as == "from the sheet 'Customers'"
    assert list(source.records()) == [Record(3, {"email": "a@shop.example"})]


def test_numbers_of_a_spreadsheet_are_read_as_they_are_shown(tmp_path):
    path = save_workbook(
        tmp_path / "orders.xlsx",
        (
            "Orders",
            "visible",
            [
                ["number", "currency_code", "total_amount_cents", "tax_rate"],
                [(7, "00000"), "EUR", 2000, (0.22, "0%")],
                [7.0, "EUR", (20, '#,##0.00 "€"'), 0.2],
                [1234567890123456, "EUR", 1, 0],
            ],
        ),
    )

    values = [list(record.values.values()) for record in open_file(path).records()]

    assert values == [
        ["00007", "EUR", 2000, 0.22],
        [7, "EUR", Decimal("20.00"), 0.2],
        [1234567890123456.0, "EUR", 1, 0],
    ]
    assert isinstance(values[2][0], float)


@pytest.mark.parametrize("damage", ["compression", "bytes", "truncated"])
def test_a_damaged_workbook_is_an_error(tmp_path, damage):
    path = save_workbook(tmp_path / "orders.xlsx", ("Orders", "visible", [["number"], ["1"]]))
    content = bytearray(path.read_bytes())
    if damage == "compression":
        for header, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            place = content.find(header)
            while place >= 0:
                content[place + offset] = 99
                place = content.find(header, place + 4)
    elif damage == "bytes":
        content[100:600] = bytes(500)
    path.write_bytes(content[:700] if damage == "truncated" else content)

    assert refusal(path) == "The file orders.xlsx is no readable .xlsx file."


def rewrite_workbook(path, parts, compression=zipfile.ZIP_DEFLATED):
    """The workbook with these parts replaced; each is a function from bytes to bytes."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, parts.get(name, bytes)(content))
    return path


def shared_texts_workbook(path, *rows):
    """A workbook as Excel saves it: all texts in one part, each once."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for nth, row in enumerate(rows):
            sheet.write_row(nth, 0, row)
    return path


@pytest.mark.parametrize(
    ("part", "found", "instead"),
    [
        ("xl/sharedStrings.xml", b"shared", b"A" * (5 << 20)),
        ("xl/worksheets/sheet1.xml", b"</row>", b"<c/>" * (2 << 20) + b"</row>"),
        ("xl/styles.xml", b"<fonts", b" " * (17 << 20) + b"<fonts"),
    ],
)
def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path, part, found, instead):
    path = shared_texts_workbook(tmp_path / "orders.xlsx", ["number"], ["shared"])
    rewrite_workbook(path, {part: lambda content: content.replace(found, instead)})
    assert path.stat().st_size < 100_000

    assert refusal(path) == "The file orders.xlsx is too large when unpacked; save it as CSV."


def test_a_row_whose_cells_repeat_a_long_text_is_refused(tmp_path):
    path = shared_texts_workbook(tmp_path / "orders.xlsx", ["number"], ["shared", "shared"])
    long = b"A" * (3 << 20)
    rewrite_workbook(path, {"xl/sharedStrings.xml": lambda text: text.replace(b"shared", long)})

    assert refusal(path) == "The file orders.xlsx is too large when unpacked; save it as CSV."


def test_rows_with_long_texts_are_read_in_small_parts(monkeypatch):
    monkeypatch.setattr("order_factory.tasks.row_files.records._MOST_CHARACTERS", 100)
    records = [Record(line, {"number": "1", "metadata": "x" * 60}) for line in range(2, 9)]

    parts = list(split_into_chunks(iter(records), 4))

    assert [len(part) for part in parts] == [2, 2, 2, 1]
    assert [record for part in parts for record in part] == records


def test_a_workbook_with_a_changed_digit_is_refused(tmp_path):
    path = save_workbook(
        tmp_path / "orders.xlsx",
        ("Orders", "visible", [["number", "total_amount_cents"], ["1", 1250]]),
    )
    rewrite_workbook(path, {}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"<v>1250</v>", b"<v>9250</v>"))

    assert refusal(path) == "The file orders.xlsx is no readable .xlsx file."


def test_texts_in_pieces_and_formulas_are_read_as_they_are_shown(tmp_path):
    path = shared_texts_workbook(
        tmp_path / "customers.xlsx",
        ["email", "reference"],
        ["rich", "x"],
        ["b@shop.example", "x"],
    )
    rich = b"<r><rPr><b/></rPr><t>ann@</t></r><r><t>shop.example</t></r><rPh><t>no</t></rPh>"

    def formulas(content):
        cells = re.findall(rb'<c r="B[23]".*?</c>', content)
        computed = b'<c r="B2" t="str"><f>A2</f><v>from a formula</v></c>'
        blank = b'<c r="B3" t="str"><f>IF(1,"")</f><v></v></c>'
        return content.replace(cells[0], computed).replace(cells[1], blank)

    rewrite_workbook(
        path,
        {
            "xl/sharedStrings.xml": lambda content: content.replace(b"<t>rich</t>", rich),
            "xl/worksheets/sheet1.xml": formulas,
        },
    )

    assert list(open_file(path).records()) == [
        Record(2, {"email": "ann@shop.example", "reference": "from a formula"}),
        Record(3, {"email": "b@shop.example"}),
    ]
