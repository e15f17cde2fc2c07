"""Parts on Prefect workers: two of them, each a process that starts a process for each part."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.objects import WorkerStatus
from prefect.settings import PREFECT_API_URL

from order_factory.cli.system.deploying import make_pool
from order_factory.cli.system.parts import POOL
from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.copy_part import copy_part
from order_factory.flows.runners import workers
from order_factory.models.errors import InvalidRequest
from order_factory.models.results.copies import BatchUnfinished
from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from tests.support.crashes.nights import (
    make_expected_outcome,
    make_frame,
    make_selection,
    make_sources_of_all_kinds,
    read_outcome,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect"),
    pytest.mark.parametrize("shop", ["postgres"], indirect=True),
]

ROOT = Path(__file__).parents[3]
TIMES = 5


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def night(shop):
    """A file that asks for twenty copies, five of which cannot be made."""
    selection = make_selection(make_sources_of_all_kinds(shop), times=TIMES)
    make_frame(selection).to_json("night.jsonl", orient="records", lines=True)
    return "night.jsonl"


@pytest.fixture
def deployment():
    """The deployment of the parts and its work pool, without any worker.

    Other tests on this server may have made the pool before.
    """
    with get_client(sync_client=True) as client:
        make_pool(client)
        key = client.create_deployment(
            client.create_flow(copy_part),
            name="part",
            entrypoint="order_factory.flows.copy_part.copy_part",
            work_pool_name=POOL,
        )
        yield
        client.delete_deployment(key)
        client.delete_work_pool(POOL)


@pytest.fixture
def two_workers(shop, deployment, tmp_path):
    """Two Prefect workers, online; the server is the suite's, the database the shop's."""
    surroundings = {
        **os.environ,
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--name"]
    with (tmp_path / "workers.log").open("w") as log:
        workers = [
            subprocess.Popen([*command, name], env=surroundings, stdout=log, stderr=log)
            for name in ("one", "two")
        ]
        try:
            _wait_for(2)
            yield workers
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(60)


def _wait_for(count):
    deadline = time.monotonic() + 90
    with get_client(sync_client=True) as client:
        while True:
            there = client.read_workers_for_work_pool(POOL)
            if sum(worker.status == WorkerStatus.ONLINE for worker in there) == count:
                return
            assert time.monotonic() < deadline, "the workers do not start"
            time.sleep(0.5)


def test_two_workers_make_the_same_copies(shop, night, two_workers):
    result = bulk_order_factory(
        night, reference="night", batch_size=10, workers=2, runner="workers"
    )

    assert (result.completed, result.failed, result.copied_in_this_run) == (15, 5, 20)
    carried = {row.flow_run_id for row in shop.rows(OrderFactory)}
    assert len(carried) == 2
    assert shop.row(OrderFactoryBatch).flow_run_id not in carried
    assert read_outcome("night") == make_expected_outcome(TIMES)


def test_without_a_worker_nothing_is_recorded(shop, night, deployment):
    with pytest.raises(InvalidRequest) as refused:
        bulk_order_factory(night, reference="night", runner="workers")

    assert str(refused.value) == (
        "No worker of the work pool 'order-factory' is online; start one with "
        "`prefect worker start --pool order-factory`."
    )
    assert shop.rows(OrderFactoryBatch) == []


def test_parts_that_are_not_started_are_cancelled(shop, night, deployment, monkeypatch):
    monkeypatch.setattr(workers, "PICK_UP_SECONDS", 2.0)
    monkeypatch.setattr(workers, "require_workers", lambda: POOL)

    with pytest.raises(BatchUnfinished, match="20 of 20 .* no worker picked it up in 2 s"):
        bulk_order_factory(night, reference="night", workers=2, batch_size=5, runner="workers")

    assert {row.status for row in shop.rows(OrderFactory)} == {"pending"}
    assert bulk_order_factory(reference="night").copied_in_this_run == 20
