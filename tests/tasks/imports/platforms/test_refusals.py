"""An order of an export is imported as a whole or refused with a reason and its line."""

import pytest

from order_factory.models.tables import Customer, LineItem, Order, Sku
from tests.tasks.imports.platforms.conftest import shopify_order, write_rows

pytestmark = pytest.mark.usefixtures("verified")

MUG = ("1", "10.00", "MUG")
NO_SUM = (
    "; complete the order in the file, or name the column of the missing amount under adjustments "
    "or payments in a mapping of your own"
)
# What is wrong: the rows of the order, the line of the fault, its column, the reason.
WRONG = {
    "a total that is no sum": (
        shopify_order("9", MUG, Total="12.00"),
        *(4, "Total", f"is 12.00 EUR, and lines 10.00 EUR do not add up to it{NO_SUM}"),
    ),
    "a line that is missing": (
        shopify_order("9", MUG, Subtotal="15.00", Total="15.00"),
        *(4, "Subtotal", "is 15.00 EUR, and the lines add up to 10.00 EUR before a discount of"),
    ),
    "a quantity in words": (
        shopify_order("9", MUG, ("two", "1.00", "CAP")),
        *(5, "Lineitem quantity", "is not a whole number; write it without decimals"),
    ),
    "no quantity": (
        shopify_order("9", MUG, ("", "1.00", "CAP")),
        *(5, "Lineitem quantity", "is required"),
    ),
    "a price of two meanings": (
        shopify_order("9", ("1", "1,234", "MUG")),
        *(4, "Lineitem price", "is 1,234, which may be 1234.00 or 1.234"),
    ),
    "a price in words": (
        shopify_order("9", ("1", "free", "MUG")),
        *(4, "Lineitem price", "is not an amount; write it like 1234.50"),
    ),
    "part of a cent": (
        shopify_order("9", MUG, Total="10.005"),
        *(4, "Total", "is 10.005, which may be 10005.00 or 10.005"),
    ),
    "no currency": (
        shopify_order("9", MUG, Currency=""),
        *(4, "Currency", "is required; export this column, or write the currency into a mapping"),
    ),
    "a row apart from the first one of its order": (
        shopify_order("9", MUG, Currency="", Total=""),
        *(4, "Name", "has a row without the currency and the total of the order; put all rows"),
    ),
    "a currency that is none": (
        shopify_order("9", MUG, Currency="EURO"),
        *(4, "Currency", "is no ISO 4217 currency code"),
    ),
    "no total": (
        shopify_order("9", MUG, Total=""),
        *(4, "Total", "is required in the first row of an order"),
    ),
    "a status that is not known": (
        shopify_order("9", MUG, Financial_Status="Bezahlt"),
        *(4, "Financial Status", "is 'Bezahlt', which the mapping does not know; copy the mapping"),
    ),
    "a time without a zone": (
        shopify_order("9", MUG, Created_at="2026-01-15 12:00:00"),
        *(4, "Created at", "has no time zone; export it with one, or write time_zone in a mapping"),
    ),
    "a time of a spreadsheet": (
        shopify_order("9", MUG, Created_at="15/01/26 12:00"),
        *(
            4,
            "Created at",
            "is not a time like 2026-01-15 12:00:00 +0100; export it so, or add its",
        ),
    ),
    "no email": (
        shopify_order("9", MUG, Email="nobody"),
        *(4, "Email", "is not an email address"),
    ),
    "an address without a country": (
        shopify_order("9", MUG, Billing_Address1="1 Example Street", Billing_City="Exampleville"),
        *(4, "Billing Country", "is required"),
    ),
    "a SKU that a spreadsheet shortened": (
        shopify_order("9", MUG, ("1", "0.00", "1.23E+11")),
        *(5, "Lineitem sku", "looks like a number that a spreadsheet has shortened"),
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_only_the_order_with_an_error_is_refused(shop, tmp_path, import_export, fault):
    rows, line, column, reason = WRONG[fault]
    before = shopify_order("1", ("1", "4.00", "A"), ("1", "6.00", "B"))
    after = shopify_order("10", MUG, Email="bob@shop.example")
    path = write_rows(tmp_path / "orders.csv", [*before, *rows, *after])

    report = import_export(path, "shopify")

    ((rejected_line, rejected_column, rejected_message),) = report.rejects
    assert (rejected_line, rejected_column) == (line, column)
    assert rejected_message.startswith(reason)
    assert [row.number for row in shop.rows(Order)] == ["1", "10"]
    assert [row.sku_code for row in shop.rows(LineItem)] == ["A", "B", "MUG"]
    assert (report.counts["orders"][3], report.counts["line_items"][3]) == (1, len(rows))


def test_all_errors_of_an_order_are_reported_at_once(shop, tmp_path, import_export):
    rows = shopify_order(
        *("9", ("1", "x", "MUG"), ("1.5", "1.00", "CAP")),
        Email="cy@shop.example",
        Shipping="?",
        Created_at="yesterday",
    )

    report = import_export(write_rows(tmp_path / "orders.csv", rows), "shopify")

    assert [(line, column) for line, column, _ in report.rejects] == [
        *((2, "Created at"), (2, "Lineitem price"), (2, "Shipping")),
        (3, "Lineitem quantity"),
    ]
    assert [shop.rows(table) for table in (Order, LineItem, Customer, Sku)] == [[], [], [], []]


def test_rows_without_an_order_are_reported(shop, tmp_path, import_export):
    path = tmp_path / "orders.csv"
    write_rows(path, shopify_order("1", MUG))
    head, row, *_ = path.read_text().splitlines()
    stray = row.replace("#1,", ",", 1)
    path.write_text("\n".join([head, stray, row, f"{row},more"]) + "\n")

    report = import_export(path, "shopify")

    assert [(line, reason[:22]) for line, _, reason in report.rejects] == [
        (2, "has no number"),
        (4, "has 15 values where th"),
    ]
    assert [row.number for row in shop.rows(Order)] == ["1"]


def test_a_changed_order_is_reported_and_keeps_its_lines(shop, tmp_path, import_export):
    path = tmp_path / "orders.csv"
    import_export(write_rows(path, shopify_order("1", MUG, Subtotal="10.00")), "shopify")
    more = {"Subtotal": "16.00", "Total": "16.00", "Financial_Status": "refunded"}
    write_rows(path, shopify_order("1", MUG, ("1", "6.00", "CAP"), **more))
    grown = import_export(path, "shopify", update=True)
    # The same total, with a free item more.
    write_rows(path, shopify_order("1", MUG, ("1", "0.00", "SACHET")))
    gift = import_export(path, "shopify", update=True)
    write_rows(path, shopify_order("1", MUG, Financial_Status="refunded"))
    refunded = import_export(path, "shopify", update=True)

    assert (grown.counts["orders"], grown.counts["line_items"]) == ((0, 0, 0, 1), (0, 0, 0, 2))
    assert {reason for _, _, reason in grown.rejects} == {
        "differs from the existing row, and an import does not change it"
    }
    assert gift.rejects == [
        (3, "", "is a new line, and an import adds no lines to an existing order")
    ]
    assert refunded.rejects == []
    assert shop.row(Order).payment_status == "refunded"
    assert [row.sku_code for row in shop.rows(LineItem)] == ["MUG"]
