"""Parts as flow runs of the deployment `copy-batch/part`, which Prefect workers anywhere pick up.

What a flow run has copied is read from the database, never from its state.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State, WorkerStatus
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from order_factory.flows.runners.job import CopyParts, Job, Outcome, Parts
from order_factory.flows.support.stop_signals import Stop
from order_factory.models.database.retrying import read, write
from order_factory.models.errors import InvalidRequest, OrderFactoryError
from order_factory.tasks.batches.records import count_carried, has_free
from order_factory.tasks.copy_orders import BatchReport

DEPLOYMENT = "copy-batch/part"
SECONDS_BETWEEN_LOOKS = 1.0
# A worker asks for work every 10 seconds, unless told otherwise, and then starts a process.
PICK_UP_SECONDS = 120.0
# A part takes seconds. One that takes longer is given up when what it should hold is free.
LOST_SECONDS = 120.0


class PartNotFinished(OrderFactoryError):
    """Takes the name of a flow run and what became of it."""

    status, code = 503, "part_not_finished"
    detail = "flow run {!r} did not finish its part: {}"


@dataclass
class _Part:
    """A flow run that was dispatched; `since` is when it was, and later when it was started."""

    name: str
    since: float
    started: bool = False


class _Dispatch:
    """The flow runs that are under way for one batch."""

    def __init__(self, client: SyncPrefectClient, pool: str, job: Job, stop: Stop) -> None:
        self._client = client
        self._pool = pool
        self._job = job
        self._stop = stop
        self._parts: dict[UUID, _Part] = {}
        self._picked_up_at = monotonic()
        self._nobody_is_there = False

    def copy(self, parts: Parts) -> Iterator[Outcome]:
        """Dispatch these parts, the next when one has come back; each one's outcomes."""
        left = parts.count
        self._picked_up_at = monotonic()
        while True:
            while left and len(self._parts) < self._job.at_once and self._goes_on():
                self._begin(parts.first + parts.count - left, parts.size)
                left -= 1
            if not self._parts:
                return
            self._stop.look()
            sleep(SECONDS_BETWEEN_LOOKS)
            yield from self._come_back()

    def _goes_on(self) -> bool:
        return self._stop.reason is None and not self._nobody_is_there

    def _begin(self, part: int, size: int) -> None:
        given = {"batch": self._job.reference, "part": part, "size": size}
        run = run_deployment(DEPLOYMENT, parameters=given, timeout=0)
        assert isinstance(run, FlowRun)  # and no coroutine, since no event loop runs here
        self._parts[run.id] = _Part(run.name, monotonic())

    def _come_back(self) -> Iterator[Outcome]:
        """The outcomes of the flow runs that have ended, or that nobody waits for any longer."""
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=list(self._parts)))
        states = {run.id: run.state for run in self._client.read_flow_runs(flow_run_filter=wanted)}
        for key, part in list(self._parts.items()):
            over = self._is_over(key, part, states.get(key) or Cancelled(message="it was deleted"))
            if over is None:
                continue
            del self._parts[key]
            closed, awaiting = self._carried(str(key))
            yield BatchReport(closed, awaiting=awaiting)
            if over:
                yield PartNotFinished(part.name, over)

    def _carried(self, flow_run_id: str) -> tuple[int, int]:
        return read(lambda db: count_carried(db, self._job.batch_id, flow_run_id))

    def _is_over(self, key: UUID, part: _Part, state: State) -> str | None:
        """None while it is under way; then what was wrong with it, which is "" for nothing."""
        if state.is_final():
            self._picked_up_at = monotonic()
            return "" if state.is_completed() else state.message or str(state.name)
        if state.is_scheduled():
            return self._call_off(key)
        if not part.started:
            part.started, part.since = True, monotonic()
        if monotonic() - part.since < LOST_SECONDS:
            return None
        part.since = monotonic()
        free = write(lambda db: has_free(db, self._job.batch_id))
        return "nothing more is heard of it" if free else None

    def _call_off(self, key: UUID) -> str | None:
        """Cancel a flow run that has not begun, where the batch is stopped or nobody takes it."""
        text = ""
        if self._stop.reason is not None:
            pass  # it has not begun, and is not to
        elif (
            any(part.started for part in self._parts.values())
            or monotonic() - self._picked_up_at < PICK_UP_SECONDS
        ):
            return None
        else:
            self._nobody_is_there = True
            text = f"no worker has picked it up for {PICK_UP_SECONDS:.0f} s; {_start(self._pool)}"
        self._client.set_flow_run_state(
            key, Cancelled(message=text or "The batch was stopped."), force=True
        )
        return text


def require_workers() -> str:
    """The work pool of the deployment. Raises `InvalidRequest` where nothing would be picked up."""
    with get_client(sync_client=True) as client:
        try:
            pool = client.read_deployment_by_name(DEPLOYMENT).work_pool_name
        except ObjectNotFound as error:
            raise InvalidRequest(
                f"The runner 'workers' needs the deployment {DEPLOYMENT!r} on this Prefect "
                "server; make it with `prefect --no-prompt deploy --all`."
            ) from error
        if pool is None:
            raise InvalidRequest(f"The deployment {DEPLOYMENT!r} has no work pool.")
        try:
            workers = client.read_workers_for_work_pool(pool)
        except ObjectNotFound as error:
            text = f"`prefect --no-prompt work-pool create {pool} --type process`"
            raise InvalidRequest(f"There is no work pool {pool!r}; make it with {text}.") from error
    if not any(worker.status == WorkerStatus.ONLINE for worker in workers):
        raise InvalidRequest(f"No worker of the work pool {pool!r} is online; {_start(pool)}.")
    return pool


@contextmanager
def copy_in_workers(job: Job, stop: Stop, pool: str) -> Iterator[CopyParts]:
    with get_client(sync_client=True) as client:
        yield _Dispatch(client, pool, job, stop).copy


def _start(pool: str) -> str:
    return f"start one with `prefect worker start --pool {pool}`"
