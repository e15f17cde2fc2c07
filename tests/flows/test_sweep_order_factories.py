"""The copies that a sweep finishes, and those that it does not touch."""

from datetime import timedelta
from uuid import uuid4

import pytest
from prefect import get_client
from prefect.states import Cancelled, Crashed, Running
from sqlalchemy import update

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.run_order_subscriptions import run_order_subscriptions
from order_factory.flows.sweep_order_factories import sweep_order_factories
from order_factory.models.database.engine import begin
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from tests.support.copying import change, find_or_record, request_copy

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]
AN_HOUR_AGO = utc_now() - timedelta(hours=1)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Reports go under the current folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run_in_state():
    """The id of a flow run that Prefect's server has in this state; that of None knows nobody."""

    def run_in_state(state):
        if state is None:
            return str(uuid4())
        with get_client(sync_client=True) as client:
            run = client.create_flow_run(bulk_order_factory)
            client.set_flow_run_state(run.id, state, force=True)
        return str(run.id)

    return run_in_state


@pytest.fixture
def left_behind(shop, run_in_state):
    """A batch of one pending copy that a flow run in this state had in hand."""

    def left_behind(reference, state, *, status="in_progress", moved_at=None):
        batch = find_or_record(reference, CopyOptions(), [shop.number_of(shop.order())])
        when = moved_at or utc_now()
        values = {"status": status, "flow_run_id": run_in_state(state), "updated_at": when}
        with begin() as db:
            db.execute(update(OrderFactoryBatch).filter_by(id=batch).values(**values))
            statement = update(OrderFactory).filter_by(batch_id=batch)
            db.execute(statement.values(created_at=when, updated_at=when))

    return left_behind


@pytest.fixture
def single_left_behind(shop, run_in_state):
    """A pending copy that a flow run in this state recorded for itself; its key."""

    def single_left_behind(state, *, created_at=None):
        factory = request_copy(shop.order())
        values = {
            "flow_run_id": run_in_state(state),
            "created_at": created_at or utc_now(),
        }
        with begin() as db:
            db.execute(update(OrderFactory).filter_by(id=factory).values(**values))
        return factory

    return single_left_behind


def test_only_the_copies_of_dead_runs_are_finished(shop, left_behind, single_left_behind):
    left_behind("crashed", Crashed())
    left_behind("silent", Running(), moved_at=AN_HOUR_AGO)
    left_behind("never heard of", None, moved_at=AN_HOUR_AGO)
    left_behind("at work", Running())
    left_behind("perhaps elsewhere", None)
    left_behind("cancelled", Cancelled(), moved_at=AN_HOUR_AGO)
    left_behind("stopped by hand", Crashed(), status="aborted", moved_at=AN_HOUR_AGO)
    dead = [single_left_behind(Crashed()), single_left_behind(None, created_at=AN_HOUR_AGO)]
    alive = [single_left_behind(Running()), single_left_behind(Cancelled())]

    swept = sweep_order_factories()

    statuses = {row.id: row.status for row in shop.rows(OrderFactory)}
    finished = {row.reference for row in shop.rows(OrderFactoryBatch, status="completed")}
    assert swept.resumed == ["crashed", "silent", "never heard of"]
    assert finished == {"crashed", "silent", "never heard of"}
    assert (swept.unfinished, swept.single_copies) == ([], 2)
    assert [statuses[key] for key in dead] == ["completed", "completed"]
    assert [statuses[key] for key in alive] == ["pending", "pending"]


def test_the_hourly_run_finishes_the_copies_of_dead_runs(shop, left_behind):
    left_behind("crashed", Crashed())
    left_behind("at work", Running())

    run_order_subscriptions()

    assert {row.reference: row.status for row in shop.rows(OrderFactoryBatch)} == {
        "crashed": "completed",
        "at work": "in_progress",
    }


def test_an_order_that_ended_its_process_three_times_fails_and_the_others_are_copied(
    shop, left_behind, single_left_behind
):
    left_behind("night", Crashed())
    (first,) = shop.rows(OrderFactory)
    batch = first.batch_id
    second = request_copy(shop.order())
    change(OrderFactory, second, batch_id=batch)
    single = single_left_behind(Crashed())
    change(OrderFactory, [first.id, single], deaths=3)

    swept = sweep_order_factories()

    statuses = {row.id: row.status for row in shop.rows(OrderFactory)}
    assert statuses == {first.id: "failed", second: "completed", single: "failed"}
    assert (swept.resumed, swept.unfinished, swept.failed) == (["night"], [], 1)
    assert "died 3 times" in str(shop.row(OrderFactory, id=first.id).errors_log)
