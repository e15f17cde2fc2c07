"""What the database refuses takes no other order with it, and an import that stopped is continued."""

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError

from order_factory.models.tables import Address, LineItem, Order
from order_factory.models.values.statuses import Mode
from order_factory.tasks.import_file import ImportInterrupted
from order_factory.tasks.import_platform_file import PlatformTally, import_platform_file
from order_factory.tasks.imports.chunks import import_rows as plain
from order_factory.tasks.imports.platforms.files import find_platform_files
from order_factory.tasks.imports.rejects import RejectsFile
from tests.tasks.imports.platforms.conftest import shopify_order, write_rows

IMPORTS_ROWS = "order_factory.tasks.imports.platforms.chunks.import_rows"

pytestmark = pytest.mark.usefixtures("verified")


@pytest.fixture
def export(tmp_path):
    rows = [
        shopify_order(
            number,
            ("1", "10.00", f"SKU-{number}"),
            Billing_Address1="1 Example Street",
            Billing_City="Exampleville",
            Billing_Country="IT",
        )
        for number in "12345"
    ]
    return write_rows(tmp_path / "orders.csv", [row for order in rows for row in order])


@pytest.fixture
def fail_at(monkeypatch):
    """Have the database fail when it is given the line of this SKU."""

    def fail_at(sku_code, error):
        def import_rows(db, resource, rows, *given, **named):
            if resource.name == "line_items" and any(row["sku_code"] == sku_code for row in rows):
                raise error("insert", {}, Exception("refused"))
            return plain(db, resource, rows, *given, **named)

        monkeypatch.setattr(IMPORTS_ROWS, import_rows)

    return fail_at


def test_an_order_that_the_database_refuses_is_found_and_left_out(
    shop, import_export, export, fail_at
):
    fail_at("SKU-4", IntegrityError)

    report = import_export(export, "shopify")

    assert [(line, reason[:28]) for line, _, reason in report.rejects] == [
        (5, "was refused by the database ")
    ]
    assert [row.number for row in shop.rows(Order)] == ["1", "2", "3", "5"]
    assert [row.reference for row in shop.rows(Address)] == [
        f"{number}-billing" for number in "1235"
    ]
    assert (report.counts["orders"], report.counts["line_items"]) == ((4, 0, 0, 1), (4, 0, 0, 1))


def test_an_interrupted_import_keeps_complete_orders_and_continues(
    shop, tmp_path, export, fail_at, monkeypatch
):
    (file,) = find_platform_files(str(export), "shopify")
    rejects, tally = RejectsFile(tmp_path / "rejects.csv"), PlatformTally()
    fail_at("SKU-3", ProgrammingError)
    with pytest.raises(ImportInterrupted, match=r"stopped after row 2; the rows up to it"):
        import_platform_file.fn(file, Mode.LIVE, rejects, 5, tally)
    monkeypatch.setattr(IMPORTS_ROWS, plain)
    stopped = [row.number for row in shop.rows(Order)]
    lines = len(shop.rows(LineItem))

    reports = import_platform_file.fn(file, Mode.LIVE, rejects, 5, tally)

    assert (stopped, lines) == (["1", "2"], 2)
    assert [row.number for row in shop.rows(Order)] == ["1", "2", "3", "4", "5"]
    assert {each.resource: each.imported for each in reports if each.resource != "customers"} == {
        "addresses": 5,
        "skus": 5,
        "orders": 5,
        "line_items": 5,
    }
