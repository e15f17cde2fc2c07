"""Ending the flow runs of dead processes on Prefect's server.

When a flow run's process and its worker are killed, nothing reports that the run has ended. It
stays Running or Pending and holds its deployment's concurrency slot. If that is the only slot, every
later run is cancelled. So each worker ends such runs at its start and then every minute.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING
from uuid import UUID

import psutil

from order_factory.cli.system.parts import POOL

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

# A run on a worker sends a heartbeat every 30 seconds, and its process starts within a minute.
SILENT_SECONDS = 180
POLL_SECONDS = 60
SWEEP = "sweep-order-factories/sweep"
_FLOW_RUN = "PREFECT__FLOW_RUN_ID"
_MESSAGE = "The process of this run is gone: its machine or its worker died."


@dataclass(frozen=True)
class CleanUp:
    """The names of the flow runs that were ended and of the concurrency limits corrected.

    `suspects` are limits that count more runs than there are, found for the first time.
    """

    runs: list[str]
    limits: list[str]
    suspects: frozenset[str] = frozenset()


def end_dead_runs(
    client: "SyncPrefectClient", *, only_worker: bool, suspects: frozenset[str] = frozenset()
) -> CleanUp:
    """End the dead runs of the pool, and free the slots that no run holds.

    A run is alive if it has a process on this machine, or if it sent an event to Prefect in the last
    `SILENT_SECONDS`. `only_worker` says that no other machine runs the pool's flow runs, and that
    this worker has not started one yet. Then a run without a process here is dead. Otherwise
    another worker may be taking a slot at this moment. So a limit is corrected only if it is among
    the `suspects` of the previous search.
    """
    living = _find_living_run_ids()
    dead = [run for run in _list_unfinished_runs(client) if str(run.id) not in living]
    if not only_worker:
        dead = [run for run in dead if not _has_responded(client, run)]
    ended = [run.name for run in dead if _end_run(client, run)]
    overcounting = _find_overcounting_limits(client)
    freed = {name: slots for name, slots in overcounting.items() if only_worker or name in suspects}
    for name, slots in freed.items():
        _correct_limit(client, name, slots)
    return CleanUp(ended, list(freed), frozenset(overcounting) - frozenset(freed))


def keep_ending_dead_runs(*, only_worker: bool) -> None:
    """End dead runs now, and then every minute in a thread; never raises."""

    def end_dead_runs_once(only_worker: bool, suspects: frozenset[str]) -> frozenset[str]:
        from order_factory.tasks.prefect_ui.prefect_calls import open_client

        try:
            with open_client() as client:
                ended = end_dead_runs(client, only_worker=only_worker, suspects=suspects)
                _report(client, ended)
        except Exception as error:  # noqa: BLE001  (the next look may succeed)
            _log(f"The search for dead flow runs failed ({type(error).__name__}).")
            return frozenset()
        return ended.suspects

    def repeat(suspects: frozenset[str]) -> None:
        while True:
            sleep(POLL_SECONDS)
            suspects = end_dead_runs_once(False, suspects)

    first = end_dead_runs_once(only_worker, frozenset())
    Thread(target=repeat, args=(first,), name="dead-runs", daemon=True).start()


def _find_living_run_ids() -> set[str]:
    """The flow runs that have a process on this machine."""
    run_ids = set()
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and (key := process.environ().get(_FLOW_RUN)):
                run_ids.add(key)
        except (psutil.Error, OSError):
            continue  # it has just ended, or belongs to somebody else
    return run_ids


def _list_unfinished_runs(client: "SyncPrefectClient") -> list["FlowRun"]:
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
        WorkPoolFilter,
        WorkPoolFilterName,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    unfinished = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    runs: list[FlowRun] = []
    while page := client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=unfinished))
        ),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL])),
        sort=FlowRunSort.ID_DESC,
        offset=len(runs),
    ):
        runs += page
    return [run for run in runs if run.state is not None]


def _has_responded(client: "SyncPrefectClient", run: "FlowRun") -> bool:
    from prefect.events.filters import EventFilter, EventOccurredFilter, EventResourceFilter

    since = datetime.now(UTC) - timedelta(seconds=SILENT_SECONDS)
    if run.state is not None and run.state.timestamp > since:
        return True
    recent_events = EventFilter(
        occurred=EventOccurredFilter.model_validate({"since": since}),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
    )
    return client.read_events(recent_events, limit=1).total > 0


def _end_run(client: "SyncPrefectClient", run: "FlowRun") -> bool:
    """Whether the server could end the run."""
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.states import Cancelled, Crashed

    assert run.state is not None
    # For a run that is being cancelled, the server accepts no other state.
    state = Cancelled if run.state.is_cancelling() else Crashed
    try:
        client.set_flow_run_state(run.id, state(message=_MESSAGE))
    except PrefectHTTPStatusError:
        # The server fails if the run's deployment was deleted. Such a run holds no slot any more.
        return False
    return True


def _find_overcounting_limits(client: "SyncPrefectClient") -> dict[str, int]:
    """The limits that count more runs than there are, by name, with the right number."""
    holding = _list_unfinished_runs(client)
    wrong = {}
    for deployment in client.read_deployments():
        limit = deployment.global_concurrency_limit
        if deployment.work_pool_name != POOL or limit is None:
            continue
        slots = _count_runs(holding, deployment.id)
        if limit.active_slots > slots:
            wrong[limit.name] = slots
    return wrong


def _correct_limit(client: "SyncPrefectClient", name: str, slots: int) -> None:
    from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate

    client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(active_slots=slots))


def _count_runs(runs: Iterable["FlowRun"], deployment_id: UUID) -> int:
    return sum(run.deployment_id == deployment_id for run in runs)


def _report(client: "SyncPrefectClient", ended: CleanUp) -> None:
    """Log the ended runs and the corrected limits. Start a sweep that finishes the runs' copies."""
    for name in ended.runs:
        _log(f"Ended the flow run {name!r}: its process is gone.")
    for name in ended.limits:
        _log(f"Corrected the concurrency limit {name!r}: it counted runs that are gone.")
    if ended.runs:
        client.create_flow_run_from_deployment(client.read_deployment_by_name(SWEEP).id)


def _log(text: str) -> None:
    import logging

    logging.getLogger("prefect.worker").warning(text)
