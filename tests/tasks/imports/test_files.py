"""Which files are imported, and in which order."""

import pytest

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.imports.files import find_files


def test_a_folder_is_imported_in_the_order_in_which_resources_depend_on_one_another(tmp_path):
    for name in (
        "line_item_options.csv",
        "line_items.csv",
        "orders.2025.csv",
        "orders.2024.PARQUET",
        "customer_payment_sources.ndjson",
        "payment_sources.csv",
        "payment_methods.csv",
        "stock_items.csv",
        "skus.jsonl",
        "addresses.csv",
        "customers.csv",
        "customers.parquet",
        ".orders.csv",
        "orders.xlsx",
        "README.md",
    ):
        (tmp_path / name).touch()
    (tmp_path / "older.csv").mkdir()

    files = find_files(str(tmp_path))

    assert [file.name for file in files] == [
        "customers.csv",
        "customers.parquet",
        "addresses.csv",
        "skus.jsonl",
        "stock_items.csv",
        "payment_methods.csv",
        "payment_sources.csv",
        "customer_payment_sources.ndjson",
        "orders.2024.PARQUET",
        "orders.2025.csv",
        "orders.xlsx",
        "line_items.csv",
        "line_item_options.csv",
    ]
    assert [file.format for file in files[-5:-2]] == [".parquet", ".csv", ".xlsx"]


@pytest.mark.parametrize("place", ["nowhere", "nowhere/orders.csv", "n" * 5000, "a\0b"])
def test_a_path_that_does_not_exist_is_an_error(tmp_path, place):
    with pytest.raises(InvalidRequest, match="^There is no file or folder .* to import"):
        find_files(f"{tmp_path}/{place}")


def test_a_folder_without_importable_files_is_an_error(tmp_path):
    (tmp_path / "README.md").touch()

    with pytest.raises(
        InvalidRequest, match=r"contains nothing to import: no file ends in \.csv, "
    ):
        find_files(str(tmp_path))


@pytest.mark.parametrize("name", ["invoices.csv", "orders-2024.csv", "Orders.csv"])
def test_a_file_name_without_a_resource_is_an_error(tmp_path, name):
    (tmp_path / "customers.csv").touch()
    (tmp_path / name).touch()

    for place in (tmp_path, tmp_path / name):
        with pytest.raises(InvalidRequest, match=r"must begin with its resource, one of customers"):
            find_files(str(place))


def test_an_unknown_file_ending_is_an_error(tmp_path):
    path = tmp_path / "orders.txt"
    path.touch()

    with pytest.raises(InvalidRequest, match=r"its name must end in \.csv, \.tsv, \.parquet"):
        find_files(str(path))
