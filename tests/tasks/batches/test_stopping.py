"""A batch that a client has stopped stays stopped."""

from order_factory.models.database.engine import begin
from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from order_factory.tasks.batches.records import finish_batch, start_batch
from order_factory.tasks.batches.stopping import stop_batch
from tests.support.copying import FLOW_RUN, change, copy_batch, make_batch, request_copy
from tests.support.verifying import find_violations


def stop_batch_during_a_copy(shop, *, by_client):
    """A stopped batch of two copies, one of which another run had claimed; its key."""
    pending, aborted = request_copy(shop.order()), request_copy(shop.order())
    batch = make_batch([pending, aborted])
    change(OrderFactoryBatch, batch, drained_by_service=by_client)
    with begin() as db:
        stop_batch(db, batch, utc_now())
    # What the other run had claimed is pending again when that run has ended.
    change(OrderFactory, pending, status="pending")
    return batch


def test_no_run_of_the_service_starts_it_again(shop):
    batch = stop_batch_during_a_copy(shop, by_client=True)

    with begin() as db:
        start_batch(db, batch, FLOW_RUN)
    copy_batch(batch)
    with begin() as db:
        finished = finish_batch(db, batch)

    assert not finished
    row = shop.row(OrderFactoryBatch)
    assert (row.status, row.started_at, row.completed_at) == ("aborted", None, None)
    assert [each.status for each in shop.rows(OrderFactory)] == ["completed", "aborted"]


def test_a_run_for_the_batch_starts_an_interrupted_one_again(shop):
    batch = make_batch([request_copy(shop.order())])
    change(OrderFactoryBatch, batch, status="aborted")

    with begin() as db:
        start_batch(db, batch, FLOW_RUN)
    copy_batch(batch)
    with begin() as db:
        assert finish_batch(db, batch)

    assert shop.row(OrderFactoryBatch).status == "completed"
    assert find_violations() == []
