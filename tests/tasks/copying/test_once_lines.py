"""Lines that are not repeated: free gifts and one-off surcharges, marked in their metadata."""

import pytest
from sqlalchemy import delete

from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import LineItem, Order, OrderFactory, Sku
from order_factory.tasks.reports.differences import read_differences
from order_factory.tasks.verify import verify
from tests.support.copying import change, copy, copy_one, factory_of, target_of

pytestmark = pytest.mark.usefixtures("verified")


def line_with(shop, order, metadata, **values):
    given = {"sku_code": "CAP", "total_amount_cents": 9_00, "unit_amount_cents": 9_00} | values
    key = shop.line(order, metadata=metadata, **given)
    shop.sum_up(order)
    return key


def origins(shop, order):
    return [line.copied_from_id for line in shop.rows(LineItem, order_id=order)]


@pytest.fixture
def source(shop):
    return shop.order(lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)])


@pytest.mark.parametrize("mark", [False, "once"])
@pytest.mark.parametrize("options", [{}, {"skip_errors": True}, {"apply_promotions": True}])
def test_it_is_left_out_of_every_copy(shop, source, mark, options):
    mug, cap = (line.id for line in shop.rows(LineItem, order_id=source))
    line_with(shop, source, {"repeat": mark, "why": "campaign"})
    line_with(shop, source, {"repeat": mark}, item_type="adjustments", sku_code=None)

    results = copy(source, source, source, **options)

    for result in results:
        assert (result.status, result.errors_log) == ("completed", None)
        target = shop.row(Order, id=target_of(result))
        assert origins(shop, target.id) == [mug, cap]
        assert target.total_amount_cents == 34_00
    assert shop.row(Order, id=source).total_amount_cents == 52_00


@pytest.mark.parametrize(
    "metadata", [None, {}, {"repeat": True}, {"repeat": "repeat"}, {"repeat": 0}]
)
def test_a_line_that_does_not_say_so_is_repeated(shop, source, metadata):
    line_with(shop, source, metadata)

    target = target_of(copy_one(target_of(copy_one(source, keep_metadata="none"))))

    assert len(origins(shop, target)) == 3


def test_nothing_is_wrong_with_a_copy_for_a_gift_that_is_gone(shop, source):
    gift = line_with(shop, source, {"repeat": False}, sku_code="GIFT")
    with begin() as db:
        db.execute(delete(Sku).where(Sku.code == "GIFT"))

    kept, skipping = copy(source, source), copy_one(source, skip_errors=True)

    for result in (*kept, skipping):
        assert (result.status, result.errors_log) == ("completed", None)
        assert gift not in origins(shop, target_of(result))


def test_an_order_of_nothing_else_is_not_copied(shop):
    order = shop.order(lines=[])
    line_with(shop, order, {"repeat": False})

    result = copy_one(order)

    assert result.status == "failed"
    assert result.errors_log == {"line_items": ["no line item is left to copy"]}


def test_an_address_is_not_needed_for_a_gift_alone(shop):
    order = shop.order(lines=[], shipping_address_id=None)
    shop.line(order, item_type="adjustments", sku_code=None, total_amount_cents=5_00)
    gift = line_with(shop, order, {"repeat": False})

    result = copy_one(order)

    assert (result.status, result.errors_log) == ("completed", None)
    assert gift not in origins(shop, target_of(result))


def test_the_differences_say_why_it_is_not_there(shop, source):
    line_with(shop, source, {"repeat": False}, quantity=3)
    factory = factory_of(copy_one(source))

    with reading() as db:
        found = read_differences(db, OrderFactory.__table__.c.id == factory)[factory]

    (difference,) = [each for each in found if each.part == "line_items"]
    assert (difference.what, difference.before, difference.after, difference.reason) == (
        "CAP",
        3,
        None,
        "metadata.repeat",
    )


def test_verify_finds_a_copy_of_it(shop, source):
    target = target_of(copy_one(source))
    cap = shop.rows(LineItem, order_id=source)[1]
    change(LineItem, cap.id, metadata_={"repeat": False}, updated_at=cap.updated_at)

    with reading() as db:
        broken = [each.name for each in verify(db).invariants if each.violations]

    assert "once-lines-left-out" in broken
    change(LineItem, cap.id, metadata_=None, updated_at=cap.updated_at)
    assert len(origins(shop, target)) == 2
