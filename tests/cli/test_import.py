"""`order-factory import`."""

import pytest

from order_factory.models.tables import Customer, Order
from tests.support.documents import ROOT


@pytest.fixture
def customers(tmp_path):
    """A file of two customers, and one row that is none."""
    file = tmp_path / "customers.csv"
    file.write_text("email\none@shop.example\nnobody\ntwo@shop.example\n")
    return file


@pytest.mark.usefixtures("prefect")
def test_imports_valid_rows_and_reports_the_others(shop, run, customers):
    output = run("import", str(customers), "--rejects", "bad.csv")
    again = run("import", str(customers), "--json", "--chunk-size", "1")
    customers.write_text("email\nnobody\n")
    nothing = run("import", str(customers))

    assert ("Next:" in output.out, "Next:" in nothing.out) == (True, False)
    assert (output.code, again.code) == (1, 1)
    assert [row.email for row in shop.rows(Customer)] == ["one@shop.example", "two@shop.example"]
    rows = [line.split() for line in output.out.splitlines()[2:4]]
    assert rows == [["customers.csv", "3", "2", "0", "1"], ["all", "3", "2", "0", "1"]]
    assert "The reasons for rejected rows are in bad.csv" in output.out
    assert (again.json["imported"], again.json["unchanged"], again.json["rejected"]) == (0, 2, 1)
    assert "import customers.csv: 3 of 3" in output.err
    assert "shop.example" not in output.out + output.err + again.out + again.err


@pytest.mark.usefixtures("prefect")
def test_imports_into_test_mode(shop, run, customers):
    customers.write_text("email\none@shop.example\n")

    output = run("import", str(customers), "--mode", "test")

    assert (output.code, shop.row(Customer).mode) == (0, "test")


@pytest.mark.usefixtures("prefect", "verified")
def test_imports_an_export_of_another_platform_by_a_mapping_that_was_changed(shop, run, tmp_path):
    shown = run("formats", "shopify")
    (tmp_path / "ours.yaml").write_text(shown.out.replace('strip: "#"', 'strip: "#", prefix: S-'))
    export = str(ROOT / "examples/platforms/shopify_orders_export.csv")

    output = run("import", export, "--format", str(tmp_path / "ours.yaml"))
    again = run("import", export, "--format", str(tmp_path / "ours.yaml"), "--json")

    assert (shown.code, output.code, again.code) == (0, 0, 0)
    assert run("formats").out.split() == ["adobe_commerce", "shopify", "woocommerce"]
    assert [row.number for row in shop.rows(Order)] == ["S-1001", "S-1002", "S-1003", "S-1004"]
    assert "shopify_orders_export.csv: line_items" in output.out
    assert (again.json["imported"], again.json["rejected"]) == (0, 0)
    assert {each["resource"]: each["unchanged"] for each in again.json["files"]} == {
        "customers": 4,
        "addresses": 7,
        "skus": 7,
        "orders": 4,
        "line_items": 12,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There is no file or folder 'nowhere' to import."),
        (["."], "The folder '.' contains nothing to import:"),
        (["a.csv", "--format", "magento"], "The format 'magento' is not known. Use one of adobe_"),
        (["a.csv", "--format", "shopify"], "There is no file or folder 'a.csv' to import."),
        (["a.csv", "--mode", "both"], "Invalid value for '--mode':"),
    ],
)
def test_wrong_calls_are_refused_at_once(shop, run, arguments, message):
    output = run("import", *arguments)

    assert (output.code, output.out) == (2, "")
    assert output.err.startswith(f"Error: {message}")
