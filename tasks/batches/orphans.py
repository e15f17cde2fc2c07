"""Orphans: unfinished batches and single copies whose flow run has ended.

Prefect's server knows whether a run has ended. If it does not know the run, an orphan that was
quiet for long counts as abandoned. A wrong guess does no harm: rows are claimed with locks, so
nothing is copied twice.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from sqlalchemy import Connection, exists, func, or_, select

from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from order_factory.models.values.statuses import BatchStatus
from order_factory.tasks.working_set.claims import is_to_copy, is_unfinished
from order_factory.tasks.working_set.statements import table_of

_batch = table_of(OrderFactoryBatch)
# The most runs that Prefect returns at a time.
_AT_ONCE = 200
SHOWN = 1_000


@dataclass(frozen=True)
class Orphan:
    """An unfinished batch or factory, and the flow run that worked on it, if any.

    `name` is the reference of the batch. A `quiet` orphan has not changed for long.
    """

    key: int
    name: str
    flow_run_id: str | None
    quiet: bool
    aborted: bool = False


def find_unfinished_batches(db: Connection, before: datetime) -> list[Orphan]:
    """Return the unfinished batches, oldest first, except those that the HTTP service drains.

    A batch is quiet if its last change was earlier than `before`.
    """
    last_change = select(func.max(OrderFactory.updated_at)).where(
        OrderFactory.batch_id == _batch.c.id
    )
    has_unfinished = exists().where(OrderFactory.batch_id == _batch.c.id, is_unfinished)
    rows = (
        select(
            _batch.c.id,
            _batch.c.reference,
            _batch.c.flow_run_id,
            _batch.c.status,
            _batch.c.updated_at,
            last_change.scalar_subquery().label("moved_at"),
        )
        .where(
            _batch.c.status != BatchStatus.COMPLETED, ~_batch.c.drained_by_service, has_unfinished
        )
        .order_by(_batch.c.id)
        .limit(SHOWN)
    )
    return [
        Orphan(
            key=row.id,
            name=row.reference,
            flow_run_id=row.flow_run_id,
            quiet=max(row.updated_at, row.moved_at or row.updated_at) < before,
            aborted=row.status == BatchStatus.ABORTED,
        )
        for row in db.execute(rows)
    ]


def find_unfinished_singles(db: Connection, before: datetime) -> list[Orphan]:
    """Return single copies that a flow run recorded and has not made, oldest first.

    Copies that the HTTP service recorded are included once they are quiet.
    """
    has_run = OrderFactory.flow_run_id.is_not(None)
    is_quiet = OrderFactory.created_at < before
    rows = (
        select(OrderFactory.id, OrderFactory.flow_run_id, is_quiet.label("quiet"))
        .where(OrderFactory.batch_id.is_(None), is_to_copy, or_(has_run, is_quiet))
        .order_by(OrderFactory.id)
        .limit(SHOWN)
    )
    return [
        Orphan(key=row.id, name="", flow_run_id=row.flow_run_id, quiet=row.quiet)
        for row in db.execute(rows)
    ]


def find_abandoned(orphans: list[Orphan]) -> list[Orphan]:
    """Return the orphans that no run works on any more.

    They are those whose run has ended, and those that were quiet for long. A batch that was stopped
    on purpose stays stopped. So an aborted batch is returned only if the run of its worker crashed.
    """
    runs = _read_runs([orphan.flow_run_id for orphan in orphans if orphan.flow_run_id])
    return [
        orphan for orphan in orphans if _is_abandoned(orphan, runs.get(orphan.flow_run_id or ""))
    ]


def _is_abandoned(orphan: Orphan, run: FlowRun | None) -> bool:
    state = run.state if run is not None else None
    if run is None or state is None:
        return orphan.quiet and not orphan.aborted
    if orphan.aborted:
        return state.is_crashed() and run.deployment_id is not None
    if state.is_cancelled() or state.is_cancelling():
        return False
    return state.is_final() or orphan.quiet


def _read_runs(keys: list[str]) -> dict[str, FlowRun]:
    """Return the flow runs that Prefect's server knows, by their ids."""
    known: dict[str, FlowRun] = {}
    ids = [UUID(key) for key in dict.fromkeys(keys)]
    with get_client(sync_client=True) as client:
        for first in range(0, len(ids), _AT_ONCE):
            wanted = FlowRunFilterId(any_=ids[first : first + _AT_ONCE])
            runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=wanted))
            known |= {str(run.id): run for run in runs}
    return known
