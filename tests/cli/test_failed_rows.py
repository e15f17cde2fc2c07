"""`order-factory batch --failed-rows`: the failed copies as a file, corrected and copied again."""

from pathlib import Path

import pytest

from order_factory.models.tables import Address, LineItem, Order, OrderFactory, Sku, StockItem
from tests.support.copying import change
from tests.support.frames import ENDINGS, read_frame, write_frame
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow

ROWS = """\
source_order,reference,metadata,stock,target_notes,ignore_invalid_coupon
A1,a,"{""c"": 1}",,,
'+2,b,"{""c"": ""x, \\""y\\"" ü""}",,"'+1, ""two""
three",true
A3,,,ignore,,
A4,d,,,,
A1,e,,,,
"""


def read_targets(shop):
    """Source number, options and lines of each target order, in the order of the copies."""
    targets = []
    for factory in shop.rows(OrderFactory, status="completed"):
        source, target = (
            shop.row(Order, id=key) for key in (factory.source_order_id, factory.target_order_id)
        )
        lines = shop.rows(LineItem, order_id=target.id)
        given = (factory.reference, factory.metadata, factory.stock, factory.ignore_invalid_coupon)
        pieces = [(line.sku_code, line.quantity, line.unit_amount_cents) for line in lines]
        targets.append((source.number, *given, target.notes, pieces))
    return targets


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize("ending", ENDINGS)
def test_failed_rows_are_corrected_and_copied_again(shop, run, ending):
    shop.price("CAP", 7_00)
    shop.order(number="A1")
    shop.order(number="+2", lines=[("RARE", 5, 1_00), ("MUG", 1, 12_50)])
    shop.order(number="A3", billing_address_id=None)
    shop.order(number="A4", catalogued=False, lines=[("GONE", 2, 3_00)])
    rare = shop.row(StockItem, sku_id=shop.row(Sku, code="RARE").id)
    change(StockItem, rare.id, quantity=3)
    change(Address, shop.address(), reference="home")
    Path("orders.csv").write_text(ROWS, encoding="utf-8")
    file = Path(f"failed{ending}")

    first = run("bulk", "orders.csv", "--reference", "first", "--json")
    written = run("batch", "first", "--failed-rows", str(file))
    frame = read_frame(file.read_bytes(), ending).set_index("source_order", drop=False)
    name = next(each for each in frame.index if each.endswith("+2"))
    for column in ("quantities", "target_billing_address", "swap_skus"):
        frame[column] = frame.get(column, None)
    frame = frame.astype(object)
    frame.loc[name, "quantities"] = "RARE=3"
    frame.loc["A3", "target_billing_address"] = "home"
    frame.loc["A4", "swap_skus"] = "GONE=CAP"
    errors = list(frame["errors"])
    file.write_bytes(write_frame(frame, ending))
    second = run("bulk", str(file), "--reference", "second", "--json")
    left = run("batch", "second", "--failed-rows", str(file))

    assert (first.code, first.json["completed"], first.json["failed"]) == (1, 2, 3)
    assert (written.code, written.err) == (0, "")
    assert f"Failed rows: failed{ending}. Correct them" in written.out
    assert errors == [
        "line_items: SKU RARE: 5 wanted, 3 in stock",
        "billing_address: the order has no billing address",
        "line_items: SKU GONE is no longer in the catalogue",
    ]
    assert second.code == 0, second.out
    notes = '+1, "two"\nthree'
    assert read_targets(shop) == [
        ("A1", "a", {"c": 1}, "take", False, None, [("MUG", 1, 12_50)]),
        ("A1", "e", None, "take", False, None, [("MUG", 1, 12_50)]),
        ("+2", "b", {"c": 'x, "y" ü'}, "take", True, notes)
        + ([("MUG", 1, 12_50), ("RARE", 3, 1_00)],),
        ("A3", None, None, "ignore", False, None, [("MUG", 1, 12_50)]),
        ("A4", "d", None, "take", False, None, [("CAP", 2, 7_00)]),
    ]
    assert left.code == 0
    assert len(read_frame(file.read_bytes(), ending)) == 0
    assert find_violations() == []
