"""Closing a batch: each factory's outcome, its errors log and its events, all in one go."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)

from models import CopyError, Event, OrderFactory
from models.base import UtcDateTime, utc_now
from models.dialects import errors_log_of
from models.statuses import FactoryStatus
from tasks.batch import Batch
from tasks.inserts import NOW, insert_counted, table_of, written
from tasks.placement import is_not_placed
from tasks.steps import step
from tasks.work_tables import copies

_factory = table_of(OrderFactory)
_BEGAN_AT: ColumnElement[datetime] = bindparam("began_at", type_=UtcDateTime())


def update_factories() -> Update:
    """Every factory in hand is completed or failed; a sound one knows its target order."""
    failed, nothing = copies.c.failed, null()
    return (
        update(_factory)
        .where(_factory.c.id == copies.c.factory_id)
        .values(
            status=case((failed, FactoryStatus.FAILED), else_=FactoryStatus.COMPLETED),
            target_order_id=case((copies.c.sound, copies.c.target_order_id), else_=nothing),
            started_at=_BEGAN_AT,
            completed_at=case((failed, nothing), else_=NOW),
            failed_at=case((failed, NOW), else_=nothing),
            flow_run_id=bindparam("run_id"),
            updated_at=NOW,
        )
    )


def update_errors(db: Connection) -> Update:
    """The factories with errors get their log, and the number of messages in it."""
    counted = (
        select(CopyError.order_factory_id, func.count().label("errors"))
        .join(copies, copies.c.factory_id == CopyError.order_factory_id)
        .group_by(CopyError.order_factory_id)
        .subquery("counted")
    )
    return (
        update(_factory)
        .where(_factory.c.id == counted.c.order_factory_id)
        .values(errors_count=counted.c.errors, errors_log=errors_log_of(db, _factory.c.id))
    )


def insert_events() -> Insert:
    """Two events per factory in hand: it started, and it completed or failed."""
    ended = case((copies.c.failed, "order_factories.fail"), else_="order_factories.complete")
    started: ColumnElement[str] = literal("order_factories.start")
    rows = union_all(
        select(started, copies.c.factory_id, _BEGAN_AT),
        select(ended, copies.c.factory_id, NOW),
    ).subquery()
    return insert_counted(table_of(Event), ["name", "order_factory_id", "created_at"], select(rows))


_UPDATE_FACTORIES = update_factories()
_INSERT_EVENTS = insert_events()
_MARK_FAILED = (
    update(copies)
    .values(failed=true())
    .where(or_(~copies.c.sound, and_(is_not_placed(), ~copies.c.skip_errors)))
)
_HAS_ERRORS = select(
    exists()
    .select_from(copies)
    .where(exists().where(CopyError.order_factory_id == copies.c.factory_id))
)


@step(name="close batch", field="status")
def close_batch(db: Connection, batch: Batch) -> int:
    """Write every factory's outcome, its errors and its events; factories closed."""
    now = utc_now()
    db.execute(_MARK_FAILED)
    told = {"began_at": batch.started_at, "now": now}
    closed = written(db, _UPDATE_FACTORIES, run_id=batch.flow_run_id, **told)
    if db.scalar(_HAS_ERRORS):
        db.execute(update_errors(db))
    db.execute(_INSERT_EVENTS, told)
    return closed
