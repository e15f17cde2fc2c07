"""A worker that is killed while it merges copies into an open order: each is merged once."""

import pytest

from order_factory.models.database.engine import begin
from order_factory.models.tables import LineItem, Order, OrderFactory
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.working_set.statements import table_of
from tests.support.crashes.nights import make_job, make_selection
from tests.support.crashes.processes import drain_to_end, kill_at_stop
from tests.support.verifying import find_violations

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
def open_order(shop):
    """The key of an open order with one line."""
    made = {"status": "pending", "payment_status": "unpaid", "placed_at": None}
    return shop.order(customer_id=shop.customer(), lines=[("OWN", 1, OWN_CENTS)], **made)


@pytest.fixture
def rows(shop, open_order):
    """Six copies to merge into the open order, of orders with different quantities."""
    customer = shop.row(Order, id=open_order).customer_id
    into = {"merge_into": shop.number_of(open_order)}
    sources = [
        shop.order(customer_id=customer, lines=[("MUG", quantity, UNIT_CENTS)])
        for quantity in range(1, 7)
    ]
    return make_selection([{"source_order": source, **into} for source in sources])


def quantities(shop, open_order):
    lines = shop.rows(LineItem, order_id=open_order)
    return sorted(line.quantity for line in lines if line.sku_code == "MUG")


def test_copies_killed_at_any_stage_are_merged_once(shop, open_order, rows):
    orders = len(shop.rows(Order))

    for stage, nth, merged in KILLS:
        kill_at_stop(make_job("night", rows, size=2, stop_at=stage, nth=nth))
        assert quantities(shop, open_order) == merged, stage
        assert find_violations() == [], stage
    drain_to_end(make_job("night", rows, size=2))

    assert quantities(shop, open_order) == [1, 2, 3, 4, 5, 6]
    assert {factory.status for factory in shop.rows(OrderFactory)} == {"completed"}
    order = shop.row(Order, id=open_order)
    assert order.total_amount_cents == OWN_CENTS + UNIT_CENTS * sum(range(1, 7))
    assert len(shop.rows(Order)) == orders
    assert find_violations() == []


def test_an_order_that_is_placed_meanwhile_gets_no_further_copies(shop, open_order, rows):
    kill_at_stop(make_job("night", rows, size=2, stop_at="after check_orders", nth=2))
    table = table_of(Order)
    with begin() as db:
        placed = table.update().where(table.c.id == open_order)
        db.execute(placed.values(status=OrderStatus.PLACING.value))

    drain_to_end(make_job("night", rows, size=2))

    statuses = [factory.status for factory in shop.rows(OrderFactory)]
    assert statuses == ["completed"] * 2 + ["failed"] * 4
    assert quantities(shop, open_order) == [1, 2]
