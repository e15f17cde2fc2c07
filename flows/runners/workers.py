"""Copying parts as flow runs of the deployment `copy-batch/part`, on any Prefect worker.

What a flow run has copied is read from the database, not from its state.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from uuid import UUID

from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State, WorkerStatus
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from order_factory.flows.runners.job import CopyParts, Job, Outcome, Parts
from order_factory.flows.support.stop_signals import Stop
from order_factory.models.database.retrying import read, write
from order_factory.models.errors import InvalidRequest, OrderFactoryError, PrefectAway
from order_factory.tasks.batches.records import count_copied_by_run, has_free_factory
from order_factory.tasks.copy_orders import BatchReport
from order_factory.tasks.prefect_ui.prefect_calls import is_away

DEPLOYMENT = "copy-batch/part"
POLL_SECONDS = 1.0
# By default, a worker asks for work every 10 seconds and then starts a process.
PICK_UP_SECONDS = 120.0
# A part takes seconds. One that takes longer is lost when its orders are not locked.
LOST_SECONDS = 120.0


class PartNotFinished(OrderFactoryError):
    """A flow run did not copy its part. Arguments: the flow run's name and the problem."""

    status, code = 503, "part_not_finished"
    detail = "flow run {!r} did not finish its part: {}"


@dataclass
class _Part:
    """A dispatched flow run; `since` is when it was dispatched, and later when it started."""

    name: str
    since: float
    started: bool = False


class _Dispatch:
    """The flow runs of one batch that have not ended."""

    def __init__(self, client: SyncPrefectClient, pool: str, job: Job, stop: Stop) -> None:
        self._client = client
        self._pool = pool
        self._job = job
        self._stop = stop
        self._parts: dict[UUID, _Part] = {}
        self._picked_up_at = monotonic()
        self._no_worker = False

    def copy(self, parts: Parts) -> Iterator[Outcome]:
        """Dispatch these parts, the next when one has ended; yields their outcomes.

        Where Prefect's server does not answer, the last one is `PrefectAway`. Workers finish the
        parts that they have begun without this run.
        """
        try:
            yield from self._copy(parts)
        except HTTPError as error:
            if not is_away(error):
                raise
            yield PrefectAway("the flow runs of the parts", type(error).__name__)

    def _copy(self, parts: Parts) -> Iterator[Outcome]:
        remaining = parts.count
        self._picked_up_at = monotonic()
        while True:
            while remaining and len(self._parts) < self._job.at_once and self._may_start():
                self._start_part(parts.first + parts.count - remaining, parts.size)
                remaining -= 1
            if not self._parts:
                return
            self._stop.look()
            sleep(POLL_SECONDS)
            yield from self._collect_outcomes()

    def _may_start(self) -> bool:
        return self._stop.reason is None and not self._no_worker

    def _start_part(self, part: int, size: int) -> None:
        given = {"batch": self._job.reference, "part": part, "size": size}
        run = run_deployment(DEPLOYMENT, parameters=given, timeout=0)
        assert isinstance(run, FlowRun)  # and no coroutine, since no event loop runs here
        self._parts[run.id] = _Part(run.name, monotonic())

    def _collect_outcomes(self) -> Iterator[Outcome]:
        """The outcomes of the flow runs that have ended, were cancelled or are lost."""
        flow_run_filter = FlowRunFilter(id=FlowRunFilterId(any_=list(self._parts)))
        states = {
            run.id: run.state
            for run in self._client.read_flow_runs(flow_run_filter=flow_run_filter)
        }
        for key, part in list(self._parts.items()):
            problem = self._find_problem(
                key, part, states.get(key) or Cancelled(message="it was deleted")
            )
            if problem is None:
                continue
            del self._parts[key]
            closed, awaiting = self._count_copied(str(key))
            yield BatchReport(closed, awaiting=awaiting)
            if problem:
                yield PartNotFinished(part.name, problem)

    def _count_copied(self, flow_run_id: str) -> tuple[int, int]:
        return read(lambda db: count_copied_by_run(db, self._job.batch_id, flow_run_id))

    def _find_problem(self, key: UUID, part: _Part, state: State) -> str | None:
        """None while the flow run works; then its problem, or "" when it completed."""
        if state.is_final():
            self._picked_up_at = monotonic()
            return "" if state.is_completed() else state.message or str(state.name)
        if state.is_scheduled():
            return self._cancel_unstarted(key)
        if not part.started:
            part.started, part.since = True, monotonic()
        if monotonic() - part.since < LOST_SECONDS:
            return None
        part.since = monotonic()
        free = write(lambda db: has_free_factory(db, self._job.batch_id))
        return "the flow run does not respond" if free else None

    def _cancel_unstarted(self, key: UUID) -> str | None:
        """Cancel a flow run that has not started when the batch is stopped or no worker is there."""
        problem = ""
        if self._stop.reason is not None:
            pass  # the stop itself is not a problem
        elif (
            any(part.started for part in self._parts.values())
            or monotonic() - self._picked_up_at < PICK_UP_SECONDS
        ):
            return None
        else:
            self._no_worker = True
            problem = (
                f"no worker picked it up in {PICK_UP_SECONDS:.0f} s; {_suggest_worker(self._pool)}"
            )
        self._client.set_flow_run_state(
            key, Cancelled(message=problem or "The batch was stopped."), force=True
        )
        return problem


def require_workers() -> str:
    """The work pool of the deployment. Raises `InvalidRequest` when no worker can take its runs."""
    with get_client(sync_client=True) as client:
        try:
            pool = client.read_deployment_by_name(DEPLOYMENT).work_pool_name
        except ObjectNotFound as error:
            raise InvalidRequest(
                f"The runner 'workers' needs the deployment {DEPLOYMENT!r} on this Prefect "
                "server. Create it: `order-factory deploy`."
            ) from error
        if pool is None:
            raise InvalidRequest(f"The deployment {DEPLOYMENT!r} has no work pool.")
        try:
            workers = client.read_workers_for_work_pool(pool)
        except ObjectNotFound as error:
            command = f"`prefect --no-prompt work-pool create {pool} --type process`"
            raise InvalidRequest(
                f"The work pool {pool!r} does not exist. Create it: {command}."
            ) from error
    if not any(worker.status == WorkerStatus.ONLINE for worker in workers):
        raise InvalidRequest(
            f"No worker of the work pool {pool!r} is online; {_suggest_worker(pool)}."
        )
    return pool


@contextmanager
def copy_in_workers(job: Job, stop: Stop, pool: str) -> Iterator[CopyParts]:
    with get_client(sync_client=True) as client:
        yield _Dispatch(client, pool, job, stop).copy


def _suggest_worker(pool: str) -> str:
    return f"start one with `prefect worker start --pool {pool}`"
