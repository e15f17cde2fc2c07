"""Closing a batch: each factory's outcome, its errors log and its events, all in one go."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Update,
    and_,
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
from models.base import utc_now
from models.dialects import errors_log_of
from models.statuses import FactoryStatus
from tasks.batch import Batch
from tasks.inserts import at, insert_counted, table_of, written
from tasks.placement import is_not_placed
from tasks.steps import step
from tasks.work_tables import copies

_factory = table_of(OrderFactory)


@step(name="close batch", field="status")
def close_batch(db: Connection, batch: Batch) -> int:
    """Write every factory's outcome, its errors and its events; factories closed."""
    now = utc_now()
    has_errors = exists().where(CopyError.order_factory_id == copies.c.factory_id)
    unplaced = and_(is_not_placed(), ~copies.c.skip_errors)
    db.execute(update(copies).values(failed=true()).where(or_(~copies.c.sound, unplaced)))
    closed = written(db, update_factories(batch, now))
    if db.scalar(select(exists().select_from(copies).where(has_errors))):
        db.execute(update_errors(db))
    db.execute(insert_events(batch.started_at, now))
    return closed


def update_factories(batch: Batch, now: datetime) -> Update:
    """Every factory in hand is completed or failed; a sound one knows its target order."""
    failed, nothing = copies.c.failed, null()
    return (
        update(_factory)
        .where(_factory.c.id == copies.c.factory_id)
        .values(
            status=case((failed, FactoryStatus.FAILED), else_=FactoryStatus.COMPLETED),
            target_order_id=case((copies.c.sound, copies.c.target_order_id), else_=nothing),
            started_at=at(batch.started_at),
            completed_at=case((failed, nothing), else_=at(now)),
            failed_at=case((failed, at(now)), else_=nothing),
            flow_run_id=batch.flow_run_id,
            updated_at=at(now),
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


def insert_events(started_at: datetime, ended_at: datetime) -> Insert:
    """Two events per factory in hand: it started, and it completed or failed."""
    ended = case((copies.c.failed, "order_factories.fail"), else_="order_factories.complete")
    started: ColumnElement[str] = literal("order_factories.start")
    rows = union_all(
        select(started, copies.c.factory_id, at(started_at)),
        select(ended, copies.c.factory_id, at(ended_at)),
    ).subquery()
    return insert_counted(table_of(Event), ["name", "order_factory_id", "created_at"], select(rows))
