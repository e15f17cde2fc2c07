"""Stop a batch: abort the copies that no run has begun, each with its event."""

from datetime import datetime

from sqlalchemy import Connection, exists, literal, select, update

from order_factory.models.database.row_locks import skip_locked
from order_factory.models.tables import Event, OrderFactory, OrderFactoryBatch
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import BatchStatus, FactoryStatus
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
    """Abort the batch and its pending copies. Returns the number of copies.

    Copies that a run is making are finished. Copies that wait for a gateway keep waiting.
    """
    pending = (_factory.c.batch_id == batch_id, _factory.c.status == FactoryStatus.PENDING)
    free = skip_locked(db, select(_factory.c.id).where(*pending), _factory).subquery("free")
    names = ["name", "order_factory_id", "created_at"]
    rows = select(literal(_ABORTED), free.c.id, at(now))
    db.execute(insert_counted(_event, names, rows))
    has_event = exists().where(
        _event.c.order_factory_id == _factory.c.id, _event.c.name == _ABORTED
    )
    mine = update(_factory).where(*pending, has_event)
    aborted = execute_and_count(db, mine.values(status=FactoryStatus.ABORTED, updated_at=now))
    is_new = _batch.c.status != BatchStatus.ABORTED
    stopped = select(_batch.c.id, _batch.c.mode).where(_batch.c.id == batch_id, is_new)
    record_events(db, EventName.BATCH_ABORT, stopped, now)
    db.execute(
        update(_batch)
        .where(_batch.c.id == batch_id)
        .values(status=BatchStatus.ABORTED, completed_at=None, updated_at=now)
    )
    return aborted
