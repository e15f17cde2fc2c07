"""Draining: a flow makes the copies that were requested through the API, single or in batches."""

from datetime import timedelta

from order_factory.flows.drain_order_factories import drain_order_factories
from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from order_factory.tasks.reports import writing
from order_factory.tasks.reports.rows import read_parts
from tests.support.copying import change, make_batch, request_copy


def test_pending_copies_are_made_except_those_of_other_runs(shop, prefect):
    source = shop.order()
    single = [request_copy(source) for _ in range(3)]
    drained, others = ([request_copy(source) for _ in range(2)] for _ in range(2))
    batch = make_batch(drained)
    change(OrderFactoryBatch, batch, drained_by_service=True)
    make_batch(others)
    owned = request_copy(source)
    change(OrderFactory, owned, flow_run_id="of a run")

    closed = [drain_order_factories(size=2, rounds=10), drain_order_factories()]

    assert closed == [5, 0]
    ended = {row.id: row.status for row in shop.rows(OrderFactory)}
    assert {ended[key] for key in (*single, *drained)} == {"completed"}
    assert {ended[key] for key in (*others, owned)} == {"pending"}
    assert shop.row(OrderFactoryBatch, id=batch).status == "completed"


def test_a_single_copy_does_not_wait_for_the_report_of_a_batch(shop, prefect, monkeypatch):
    source = shop.order()
    batch = make_batch([request_copy(source)])
    change(OrderFactoryBatch, batch, drained_by_service=True)
    statuses = []

    def read_slowly(db, batch_id):
        for rows in read_parts(db, batch_id):
            single = request_copy(source)
            yield rows
            statuses.append(shop.row(OrderFactory, id=single).status)

    monkeypatch.setattr(writing, "read_parts", read_slowly)

    closed = drain_order_factories(rounds=10)

    assert statuses == ["completed"], "while the report was written"
    assert closed == 2


def test_an_order_that_ended_its_process_three_times_fails_and_the_others_are_copied(shop, prefect):
    faulty, sound = request_copy(shop.order()), request_copy(shop.order())
    change(OrderFactory, faulty, deaths=3, created_at=utc_now() - timedelta(hours=1))

    drain_order_factories(rounds=10)

    assert [row.status for row in shop.rows(OrderFactory)] == ["failed", "completed"]
    assert "died 3 times" in str(shop.row(OrderFactory, id=faulty).errors_log)
    assert shop.row(OrderFactory, id=sound).deaths == 0
