"""The clock is set back during a batch: the batch's times stay consistent."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from order_factory.models.database.engine import begin
from order_factory.models.tables import OrderFactory, OrderFactoryBatch, Transaction
from order_factory.models.tables.base import utc_now
from order_factory.tasks.batches.records import finish_batch, start_batch
from tests.support.copying import authorize, copy_batch, make_batch, request_copy
from tests.support.paying import make_payable_order
from tests.support.verifying import find_violations

TOKENS = ["tok_approve", "tok_decline"]


def set_the_clock_back(hours):
    """What has happened so far was later than all that comes: the same, seen from the rows."""
    ahead = utc_now() + timedelta(hours=hours)
    times = {"created_at": ahead, "updated_at": ahead}
    with begin() as db:
        for table in (OrderFactory, OrderFactoryBatch, Transaction):
            db.execute(update(table).values(times))
        for table in (OrderFactory, OrderFactoryBatch):
            statement = update(table).where(table.status == "in_progress")
            db.execute(statement.values(started_at=ahead))


@pytest.mark.parametrize("moment", ["before it is copied", "before it is paid"])
def test_verify_finds_nothing(shop, ledger, moment):
    orders = [make_payable_order(shop, token) for token in TOKENS] + [
        shop.order(lines=[("MUG", 0, 12_50)])
    ]
    batch = make_batch([request_copy(order, place_target_order=True) for order in orders])
    with begin() as db:
        start_batch(db, batch, None)
    if moment == "before it is copied":
        set_the_clock_back(hours=1)
    copy_batch(batch)
    if moment == "before it is paid":
        set_the_clock_back(hours=1)

    authorize(batch)
    with begin() as db:
        finish_batch(db, batch)

    assert [row.status for row in shop.rows(OrderFactory)] == ["completed", "failed", "failed"]
    assert shop.row(OrderFactoryBatch).status == "completed"
    assert find_violations() == []
