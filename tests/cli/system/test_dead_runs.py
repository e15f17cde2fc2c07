"""Flow runs that a dead machine left: on any Prefect server, not only that of `up`."""

from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import State, StateType
from prefect.states import Cancelling, Pending, Running

from order_factory.cli.system import dead_runs
from order_factory.cli.system.dead_runs import CleanUp, end_dead_runs
from order_factory.cli.system.deploying import make_pool
from order_factory.cli.system.parts import POOL


@flow
def renewals():
    """Nothing; nobody runs it here."""


@pytest.fixture
def client(prefect):
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def deployment(client):
    """A deployment of our pool that runs one flow run at a time."""
    make_pool(client)
    return client.create_deployment(
        flow_id=client.create_flow(renewals),
        name=f"dead-{uuid4().hex[:8]}",
        work_pool_name=POOL,
        concurrency_limit=1,
    )


def begin(client, deployment, *, state=None):
    """A flow run that got the deployment's slot, as a worker's does; nothing runs it."""
    run = client.create_flow_run_from_deployment(deployment)
    assert client.set_flow_run_state(run.id, Pending()).state.is_pending()
    states: list[State | None] = [Running(), state]
    for then in states:
        if then is not None:
            client.set_flow_run_state(run.id, then)
    return client.read_flow_run(run.id)


def count_taken_slots(client, deployment):
    return client.read_deployment(deployment).global_concurrency_limit.active_slots


@pytest.mark.parametrize(
    ("state", "end"), [(None, StateType.CRASHED), (Cancelling(), StateType.CANCELLED)]
)
def test_the_only_worker_ends_runs_without_a_process(client, deployment, state, end):
    left = begin(client, deployment, state=state)

    ended = end_dead_runs(client, only_worker=True)

    assert left.name in ended.runs
    assert client.read_flow_run(left.id).state.type == end
    assert count_taken_slots(client, deployment) == 0
    assert begin(client, deployment).state.is_running(), "the next run gets the slot"


def test_a_worker_does_not_end_the_recent_run_of_another_worker(client, deployment, monkeypatch):
    left = begin(client, deployment)

    spared = end_dead_runs(client, only_worker=False)
    monkeypatch.setattr(dead_runs, "SILENT_SECONDS", 0)
    ended = end_dead_runs(client, only_worker=False)

    assert left.name not in spared.runs
    assert left.name in ended.runs
    assert client.read_flow_run(left.id).state.is_crashed()
    assert count_taken_slots(client, deployment) == 0


def test_a_concurrency_slot_without_a_run_is_released_at_the_second_check(client, deployment):
    name = client.read_deployment(deployment).global_concurrency_limit.name
    client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(active_slots=1))

    first = end_dead_runs(client, only_worker=False)
    between = count_taken_slots(client, deployment)
    second = end_dead_runs(client, only_worker=False, suspects=first.suspects)

    assert (name in first.suspects, first.limits, between) == (True, [], 1)
    assert second == CleanUp([], [name])
    assert count_taken_slots(client, deployment) == 0


def test_a_run_that_cannot_be_ended_does_not_block_the_others(client, deployment):
    make_pool(client)
    deleted = client.create_deployment(
        flow_id=client.create_flow(renewals), name="gone", work_pool_name=POOL, concurrency_limit=1
    )
    begin(client, deleted)
    client.delete_deployment(deleted)
    left = begin(client, deployment)

    ended = end_dead_runs(client, only_worker=True)

    assert ended.runs == [left.name]
    assert client.read_flow_run(left.id).state.is_crashed()


def test_a_run_with_a_process_lives(client, deployment, monkeypatch):
    living = begin(client, deployment)
    monkeypatch.setattr(dead_runs, "_find_living_run_ids", lambda: {str(living.id)})

    ended = end_dead_runs(client, only_worker=True)

    assert living.name not in ended.runs
    assert count_taken_slots(client, deployment) == 1
