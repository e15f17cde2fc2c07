"""Files that cannot be imported at all: one clear error before anything is written."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.imports.files import ImportFile
from order_factory.tasks.imports.reading import open_source
from order_factory.tasks.imports.records import Record
from tests.support.import_examples import plain_order
from tests.tasks.imports.conftest import as_csv

SOME_DAY = datetime(2026, 1, 15, tzinfo=UTC)


def opened(path):
    return open_source(ImportFile(path, path.name.split(".")[0]))


def refusal(path):
    with pytest.raises(InvalidRequest) as refused:
        opened(path)
    return str(refused.value)


def test_unknown_and_missing_columns_are_told_with_those_found_and_those_known(tmp_path):
    path = tmp_path / "stock_items.csv"
    path.write_text("sku,quantity,colour,quantity\nMUG,1,red,1\n")

    assert refusal(path) == (
        "The columns of stock_items.csv are not those of stock_items (unknown: sku, colour; "
        "missing: sku_code, stock_location; there twice: quantity). "
        "Found: sku, quantity, colour, quantity. Required: sku_code, stock_location, quantity. "
        "Optional: reference, reference_origin, metadata. Nothing was imported."
    )


@pytest.mark.parametrize("extra", ["id", "line", "mode", "customer_id", "created_at"])
def test_ids_and_what_the_import_sets_itself_are_unknown_columns(tmp_path, extra):
    path = as_csv(tmp_path / "orders.csv", [plain_order("1", **{extra: "1"})])

    assert f"(unknown: {extra})" in refusal(path)


def test_the_first_json_object_tells_the_columns(tmp_path):
    path = tmp_path / "customers.jsonl"
    path.write_text("\n" + json.dumps({"mail": "ann@shop.example"}) + "\n")

    assert "(unknown: mail; missing: email)" in refusal(path)


def test_unknown_and_missing_columns_of_parquet(tmp_path):
    path = tmp_path / "customers.parquet"
    pq.write_table(pa.table({"mail": ["ann@shop.example"]}), path)

    assert "(unknown: mail; missing: email)" in refusal(path)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "ndjson", "parquet"])
def test_an_empty_file_is_an_error(tmp_path, ending):
    path = tmp_path / f"orders.{ending}"
    path.touch()

    assert refusal(path) == f"The file orders.{ending} is empty (0 bytes)."


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_text_in_utf_16_is_an_error(tmp_path, ending, encoding):
    path = tmp_path / f"orders.{ending}"
    path.write_text('{"number": "1"}\n', encoding=encoding)

    assert refusal(path) == f"The file orders.{ending} is not UTF-8 text; save it as UTF-8."


def test_a_csv_header_in_another_encoding_is_an_error(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_bytes("number,währung\n".encode("latin-1"))

    assert refusal(path) == "The file orders.csv is not UTF-8 text; save it as UTF-8."


@pytest.mark.parametrize(
    ("first_line", "message"),
    [
        ("\n", "The first line of orders.csv is blank; it must name the columns."),
        ('"number\n', "The first line of orders.csv is broken CSV: unexpected end of data."),
    ],
)
def test_a_csv_file_without_a_header_is_an_error(tmp_path, first_line, message):
    path = tmp_path / "orders.csv"
    path.write_text(first_line)

    assert refusal(path) == message


def test_semicolons_make_one_unknown_column(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("number;currency_code;total_amount_cents\n1;EUR;0\n")

    assert "(unknown: number;currency_code;total_amount_cents; missing: number, " in refusal(path)


@pytest.mark.parametrize("content", [b"number\n1\n", b"PAR1 and no more PAR1"])
def test_what_is_no_parquet_is_an_error(tmp_path, content):
    path = tmp_path / "orders.parquet"
    path.write_bytes(content)

    message = "The file orders.parquet is no valid Parquet file: it cannot be opened."
    assert refusal(path) == message


def test_parquet_with_a_damaged_page_is_an_error_that_tells_the_row(tmp_path):
    path = tmp_path / "customers.parquet"
    emails = [f"{n}@shop.example" for n in range(30_000)]
    pq.write_table(pa.table({"email": emails}), path, row_group_size=10_000, use_dictionary=False)
    second = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[second : second + 2000] = bytes(2000)
    path.write_bytes(content)

    source = opened(path)

    assert source.expected_rows == 30_000
    with pytest.raises(InvalidRequest, match="it cannot be read beyond row 10000"):
        list(source.records())


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("number", pa.array([1]), "number is int64, and must be text"),
        ("customer", pa.array([1]), "customer is int64, and must be text"),
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


def test_parquet_columns_of_text_dictionaries_and_nulls_are_taken(tmp_path):
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

    records = list(opened(path).records())

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

    def denied(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", denied)  # the tests may run as root

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

    source = opened(path)

    assert source.expected_rows == rows
    assert len(list(source.records())) == rows
