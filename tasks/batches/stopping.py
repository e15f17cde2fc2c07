"""Stop a batch: abort the copies that no run has begun. Resume it: make them pending again."""

from datetime import datetime

from sqlalchemy import Connection, case, exists, literal, select, update

from order_factory.models.database.row_locks import skip_locked
from order_factory.models.tables import Event, OrderFactory, OrderFactoryBatch
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import BatchStatus, FactoryStatus
from order_factory.tasks.batches.records import count_unfinished
from order_factory.tasks.stored_files.records import delete_file
from order_factory.tasks.working_set.events import record_events
from order_factory.tasks.working_set.statements import (
    at,
    execute_and_count,
    insert_counted,
    table_of,
)

_ABORTED = EventName.ABORT
_factory, _batch, _event = table_of(OrderFactory), table_of(OrderFactoryBatch), table_of(Event)


def stop_batch(db: Connection, batch_id: int, now: datetime) -> int:
    """Abort the batch and its pending copies. Returns the number of aborted copies.

    Copies that a run is making are finished. Copies that wait for a gateway keep waiting. If the
    file of the batch is not read yet, it is deleted.
    """
    file_id = db.scalar(select(_batch.c.file_id).where(_batch.c.id == batch_id).with_for_update())
    pending = (_factory.c.batch_id == batch_id, _factory.c.status == FactoryStatus.PENDING)
    free = skip_locked(db, select(_factory.c.id).where(*pending), _factory).subquery("free")
    names = ["name", "order_factory_id", "created_at"]
    rows = select(literal(_ABORTED), free.c.id, at(now))
    db.execute(insert_counted(_event, names, rows))
    has_event = exists().where(
        _event.c.order_factory_id == _factory.c.id,
        _event.c.name == _ABORTED,
        # A resumed copy also has the event of an earlier stop.
        _event.c.created_at == at(now),
    )
    statement = update(_factory).where(*pending, has_event)
    aborted = execute_and_count(db, statement.values(status=FactoryStatus.ABORTED, updated_at=now))
    is_new = _batch.c.status != BatchStatus.ABORTED
    stopped = select(_batch.c.id, _batch.c.mode).where(_batch.c.id == batch_id, is_new)
    record_events(db, EventName.BATCH_ABORT, stopped, now)
    db.execute(
        update(_batch)
        .where(_batch.c.id == batch_id)
        .values(status=BatchStatus.ABORTED, completed_at=None, file_id=None, updated_at=now)
    )
    if file_id is not None:
        delete_file(db, file_id)
    return aborted


def resume_batch(db: Connection, batch_id: int, now: datetime) -> int:
    """Make the aborted copies of a stopped batch pending for the service.

    Returns the number of unfinished copies. Nothing changes if the batch was not stopped.
    """
    locked = select(_batch.c.id, _batch.c.mode).where(
        _batch.c.id == batch_id, _batch.c.status == BatchStatus.ABORTED
    )
    if db.execute(locked.with_for_update()).one_or_none() is None:
        return 0
    stopped = (
        _factory.c.batch_id == batch_id,
        _factory.c.status == FactoryStatus.ABORTED,
        _factory.c.started_at.is_(None),
        _factory.c.target_order_id.is_(None),
    )
    names = ["name", "order_factory_id", "created_at"]
    rows = select(literal(EventName.RESUME.value), _factory.c.id, at(now)).where(*stopped)
    db.execute(insert_counted(_event, names, rows))
    resumed = update(_factory).where(*stopped)
    db.execute(resumed.values(status=FactoryStatus.PENDING, updated_at=now))
    unfinished = count_unfinished(db, batch_id)
    if unfinished:
        record_events(db, EventName.BATCH_RESUME, locked, now)
        was_started = _batch.c.started_at.is_not(None)
        status = case((was_started, BatchStatus.IN_PROGRESS.value), else_=BatchStatus.PENDING.value)
        db.execute(
            update(_batch)
            .where(_batch.c.id == batch_id)
            .values(
                status=status,
                drained_by_service=True,
                resumed_at=now,
                finished_before=_batch.c.orders_count - unfinished,
                updated_at=now,
            )
        )
    return unfinished
