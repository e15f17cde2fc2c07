"""What carries out the parts of a batch: the same copies with each runner."""

from collections import Counter

import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.runners import copy_recorded, dask, flow_runs
from order_factory.flows.runners.job import Job, Parts
from order_factory.models.errors import InvalidRequest
from order_factory.models.tables import Event, OrderFactory, OrderFactoryBatch
from tests.support.crashes.nights import (
    make_expected_outcome,
    make_frame,
    make_selection,
    make_sources_of_all_kinds,
    read_outcome,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]

TIMES = 3


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def night(shop):
    """A file that asks for three copies of each of four orders, one of which cannot be copied."""
    selection = make_selection(make_sources_of_all_kinds(shop), times=TIMES)
    make_frame(selection).to_json("night.jsonl", orient="records", lines=True)
    return "night.jsonl"


@pytest.mark.parametrize("runner", ["threads", "dask", "flow_runs"])
def test_every_runner_makes_the_same_copies(shop, night, runner):
    result = bulk_order_factory(night, reference="night", batch_size=5, workers=2, runner=runner)

    assert (result.completed, result.failed, result.copied_in_this_run) == (9, 3, 12)
    assert read_outcome("night") == make_expected_outcome(TIMES)
    if runner == "flow_runs":
        assert_that_each_order_had_a_flow_run(shop)


def assert_that_each_order_had_a_flow_run(shop):
    bulk_run = shop.row(OrderFactoryBatch).flow_run_id
    children = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[bulk_run]))
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=children)
    factories = shop.rows(OrderFactory)
    assert {str(run.id): run.name for run in runs} == {
        row.flow_run_id: f"copy order {shop.number_of(row.source_order_id)}" for row in factories
    }
    assert Counter(run.state and run.state.name for run in runs) == {
        "Completed": 2,
        # Three left a line out, and four found their source cancelled by another copy.
        "CompletedWithErrors": 7,
        "Failed": 3,
    }
    assert len(runs) == len(factories) == 12


def test_any_runner_continues_the_batch_of_another(night, monkeypatch):
    left = iter([12, 0])
    with monkeypatch.context() as patched:
        patched.setattr(
            copy_recorded,
            "count_to_copy",
            lambda _db, _batch: next(left),
        )
        patched.setattr(Job, "parts", lambda _job, _left, _first: Parts(1, 5))
        with pytest.raises(Exception, match="7 of 12 copies are not finished"):
            bulk_order_factory(night, reference="night", batch_size=5)

    result = bulk_order_factory(reference="night", runner="flow_runs", workers=2)

    assert result.copied_in_this_run == 7
    assert read_outcome("night") == make_expected_outcome(TIMES)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"runner": "flow_runs"}, "The runner 'flow_runs' starts a flow run for each order"),
        ({"runner": "dask"}, "The runner 'dask' needs prefect-dask. Install it: pip"),
        ({"runner": "workers"}, "The runner 'workers' needs the deployment 'copy-batch/part'"),
        ({"runner": "spark"}, "runner: Input should be 'threads', 'dask', 'workers' or"),
        ({"dask_address": "tcp://h:1"}, "dask_address needs the runner 'dask', not"),
    ],
)
def test_an_unavailable_runner_changes_nothing(shop, night, monkeypatch, given, message):
    monkeypatch.setattr(flow_runs, "MAX_ORDERS", 11)
    monkeypatch.setattr(dask, "find_spec", lambda _name: None)

    with pytest.raises(InvalidRequest) as refused:
        bulk_order_factory(night, **given)

    assert str(refused.value).startswith(message)
    assert (shop.rows(OrderFactoryBatch), shop.rows(OrderFactory), shop.rows(Event)) == ([], [], [])
