"""CSV that is read by column: the same rows as one by one."""

import pytest

from order_factory.tasks.row_files import csv_rows
from order_factory.tasks.row_files.opening import open_rows
from order_factory.tasks.selections.reading import COLUMNS

PLAIN = "source_order,reference\n1001,a\n1002,\n1003,  \n\u00e9\u00e9,b c\n"


def by_record(source):
    """The numbers and the columns of the records."""
    records = list(source.records())
    assert all(record.problem is None for record in records)
    names = list(source.columns)
    return (
        [record.line for record in records],
        {name: [record.values.get(name) for record in records] for name in names},
    )


@pytest.mark.parametrize("rows_at_once", [1, 2, 1_000])
@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace(",", ";"),
        "\ufeff" + PLAIN,
        "sep=,\n" + PLAIN,
        "\n\nsource_order\n1001\n1002",
        'Source Order\n"1,001"\n"10""02"\n',
    ],
)
def test_the_columns_are_those_of_the_records(tmp_path, monkeypatch, text, rows_at_once):
    monkeypatch.setattr(csv_rows, "_ROWS_AT_ONCE", rows_at_once)
    path = tmp_path / "orders.csv"
    path.write_text(text, encoding="utf-8", newline="")
    source = open_rows(path, COLUMNS)

    assert source.read_at_once() == by_record(source)


@pytest.mark.parametrize(
    "rows",
    [
        "1001,a\n1002\n",  # too few cells
        "1001,a\n1002,b,c\n",  # too many
        "1001,a\n\n1002,b\n",  # a blank line
        "1001,a\n,\n1002,b\n",  # a blank row
        '1001,"a\nb"\n1002,c\n',  # two lines in one cell
        '1001,"a\n',  # a quote without an end
    ],
)
def test_rows_that_need_care_are_read_one_by_one(tmp_path, rows):
    path = tmp_path / "orders.csv"
    path.write_text(f"source_order,reference\n{rows}", encoding="utf-8", newline="")

    assert open_rows(path, COLUMNS).read_at_once() is None


def test_a_column_without_a_name_is_read_one_by_one(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("source_order,\n1001,\n", encoding="utf-8")

    assert open_rows(path, COLUMNS).read_at_once() is None
