"""A worker that is killed while it merges copies into an open order: each is merged once."""

import pytest

from order_factory.models.database.engine import begin
from order_factory.models.tables import LineItem, Order, OrderFactory
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.working_set.statements import table_of
from tests.support.crashes.nights import job, selection
from tests.support.crashes.processes import ended, killed_at_its_stop
from tests.support.verifying import violations

pytestmark = pytest.mark.slow

# Where each run is killed, the nth time there, and the quantities that are merged then.
KILLS = (
    ("after check_orders", 2, [1, 2]),
    ("within copy_line_items", 1, [1, 2]),
    ("copied", 1, [1, 2]),
    ("committed", 1, [1, 2, 3, 4]),
)
UNIT_CENTS, OWN_CENTS = 12_50, 50_00


@pytest.fixture
def opened(shop):
    """The key of an open order with a line of its own."""
    made = {"status": "pending", "payment_status": "unpaid", "placed_at": None}
    return shop.order(customer_id=shop.customer(), lines=[("OWN", 1, OWN_CENTS)], **made)


@pytest.fixture
def asked(shop, opened):
    """Six copies to merge into the open order, of orders with different quantities."""
    customer = shop.row(Order, id=opened).customer_id
    into = {"merge_into": shop.number_of(opened)}
    sources = [
        shop.order(customer_id=customer, lines=[("MUG", quantity, UNIT_CENTS)])
        for quantity in range(1, 7)
    ]
    return selection([{"source_order": source, **into} for source in sources])


def quantities(shop, opened):
    lines = shop.rows(LineItem, order_id=opened)
    return sorted(line.quantity for line in lines if line.sku_code == "MUG")


def test_copies_killed_at_any_stage_are_merged_once(shop, opened, asked):
    orders = len(shop.rows(Order))

    for stage, nth, merged in KILLS:
        killed_at_its_stop(job("night", asked, size=2, stop_at=stage, nth=nth))
        assert quantities(shop, opened) == merged, stage
        assert violations() == [], stage
    ended(job("night", asked, size=2))

    assert quantities(shop, opened) == [1, 2, 3, 4, 5, 6]
    assert {factory.status for factory in shop.rows(OrderFactory)} == {"completed"}
    order = shop.row(Order, id=opened)
    assert order.total_amount_cents == OWN_CENTS + UNIT_CENTS * sum(range(1, 7))
    assert len(shop.rows(Order)) == orders
    assert violations() == []


def test_an_order_that_is_placed_meanwhile_gets_no_further_copies(shop, opened, asked):
    killed_at_its_stop(job("night", asked, size=2, stop_at="after check_orders", nth=2))
    table = table_of(Order)
    with begin() as db:
        placed = table.update().where(table.c.id == opened)
        db.execute(placed.values(status=OrderStatus.PLACING.value))

    ended(job("night", asked, size=2))

    statuses = [factory.status for factory in shop.rows(OrderFactory)]
    assert statuses == ["completed"] * 2 + ["failed"] * 4
    assert quantities(shop, opened) == [1, 2]
