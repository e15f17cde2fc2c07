"""Close factories: set the outcome, errors log and events of all copies of a transaction."""

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
    not_,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)

from order_factory.models.database.dialects import build_errors_log
from order_factory.models.database.foreign_keys import skipping_key_checks
from order_factory.models.tables import CopyError, Event, Order, OrderFactory
from order_factory.models.tables.base import UtcDateTime, utc_now
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.events import record_order_events, subscribed_topics
from order_factory.tasks.working_set.placements import is_not_placed
from order_factory.tasks.working_set.statements import (
    NOW,
    at,
    execute_and_count,
    insert_counted,
    table_of,
)
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import copies

_factory, _event, _order = table_of(OrderFactory), table_of(Event), table_of(Order)
_BEGAN_AT: ColumnElement[datetime] = bindparam("began_at", type_=UtcDateTime())


# The clock may have been set back since the factory was started.
_ENDED_AT: ColumnElement[datetime] = case(
    (_factory.c.started_at > NOW, _factory.c.started_at), else_=NOW
)


def update_factories() -> Update:
    """Mark every current factory as completed, failed or aborted, and set its target order.

    A factory that waits for a gateway stays in progress.
    """
    failed, awaits, nothing = copies.c.failed, copies.c.awaits, null()
    is_made = and_(copies.c.valid, not_(copies.c.merges))
    return (
        update(_factory)
        .where(_factory.c.id == copies.c.factory_id)
        .values(
            status=case(
                (copies.c.aborted, FactoryStatus.ABORTED),
                (failed, FactoryStatus.FAILED),
                (awaits, FactoryStatus.IN_PROGRESS),
                else_=FactoryStatus.COMPLETED,
            ),
            target_order_id=case((is_made, copies.c.target_order_id), else_=nothing),
            merged_order_id=case(
                (and_(copies.c.valid, copies.c.merges), copies.c.target_order_id), else_=nothing
            ),
            started_at=func.coalesce(_factory.c.started_at, _BEGAN_AT),
            completed_at=case((or_(failed, awaits, copies.c.aborted), nothing), else_=_ENDED_AT),
            failed_at=case((copies.c.aborted, nothing), (failed, _ENDED_AT), else_=nothing),
            flow_run_id=bindparam("run_id"),
            updated_at=NOW,
        )
    )


def update_errors(db: Connection) -> Update:
    """Set the errors log of the factories with errors, and the number of its messages."""
    counted = (
        select(CopyError.order_factory_id, func.count().label("errors"))
        .join(copies, copies.c.factory_id == CopyError.order_factory_id)
        .group_by(CopyError.order_factory_id)
        .subquery("counted")
    )
    return (
        update(_factory)
        .where(_factory.c.id == counted.c.order_factory_id)
        .values(errors_count=counted.c.errors, errors_log=build_errors_log(db, _factory.c.id))
    )


def insert_events(*, began: bool) -> Insert:
    """Insert an event for each current factory that has ended; with `began`, start events too."""
    ended = case(
        (copies.c.aborted, EventName.ABORT.value),
        (copies.c.failed, EventName.FAIL.value),
        else_=EventName.COMPLETE.value,
    )
    started: ColumnElement[str] = literal(EventName.START.value)
    ends = select(ended, copies.c.factory_id, NOW).where(
        or_(copies.c.failed, not_(copies.c.awaits))
    )
    starts = select(started, copies.c.factory_id, _BEGAN_AT)
    rows = union_all(starts, ends).subquery() if began else ends.subquery()
    return insert_counted(_event, ["name", "order_factory_id", "created_at"], select(rows))


_UPDATE_FACTORIES = update_factories()
_INSERT_EVENTS = {began: insert_events(began=began) for began in (True, False)}
_MARK_FAILED = (
    update(copies)
    .values(failed=true())
    .where(or_(~copies.c.valid, and_(is_not_placed(), ~copies.c.skip_errors)))
)
_HAS_ERRORS = select(
    exists()
    .select_from(copies)
    .where(exists().where(CopyError.order_factory_id == copies.c.factory_id))
)
_AWAITING = select(func.count()).select_from(copies).where(copies.c.awaits, not_(copies.c.failed))


@step(name="record outcomes", field="status", idle="All copies wait for a payment gateway.")
def record_outcomes(db: Connection, batch: Batch) -> int:
    """Record every factory's outcome, errors and events. Returns the number of closed factories.

    A factory that waits for a gateway is not closed.
    """
    db.execute(_MARK_FAILED)
    _record_order_events(db, batch.started_at)
    return close_factories(db, batch, began=True)


def _record_order_events(db: Connection, now: datetime) -> None:
    """Record the events of the target orders, if a webhook is subscribed to them."""
    topics = subscribed_topics(db)
    if not topics:
        return
    orders = select(copies.c.target_order_id).where(copies.c.valid)
    is_new, is_placed = _order.c.created_at == at(now), _order.c.placed_at == at(now)
    for name, condition in (
        (EventName.ORDER_CREATE, is_new),
        (EventName.ORDER_PENDING, is_new),
        (EventName.ORDER_PLACE, is_placed),
    ):
        if name in topics:
            record_order_events(db, [name], orders, condition, now=now)


def close_factories(db: Connection, batch: Batch, *, began: bool) -> int:
    """Close the factories as `tmp_copies` says. Returns the number of closed factories.

    `began` says that they were started by this transaction.
    """
    parameters = {
        "began_at": batch.started_at,
        "now": max(utc_now(), batch.started_at) if began else batch.started_at,
    }
    # This transaction has claimed the factories, and written or locked their target orders.
    with skipping_key_checks(db, _factory, _event, few=batch.single):
        closed = execute_and_count(db, _UPDATE_FACTORIES, run_id=batch.flow_run_id, **parameters)
        db.execute(_INSERT_EVENTS[began], parameters)
    if db.scalar(_HAS_ERRORS):
        db.execute(update_errors(db))
    return closed - (db.scalar(_AWAITING) or 0)
