"""Reject a batch: the copies with errors fail, and all others are aborted."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    literal,
    not_,
    select,
    union_all,
    update,
)

from order_factory.models.database.dialects import build_errors_log
from order_factory.models.tables import CopyError, Event, OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.outcomes.error_spool import ErrorSpool
from order_factory.tasks.working_set.claims import is_unfinished
from order_factory.tasks.working_set.statements import Rows, at, insert_counted, table_of

_factory = table_of(OrderFactory)
_has_errors = exists().where(CopyError.order_factory_id == _factory.c.id)


def _select_events(batch_id: int, began_at: datetime, now: datetime) -> Rows:
    """Select two events for each copy that fails, and one for each that is aborted."""
    is_rejected = and_(_factory.c.batch_id == batch_id, is_unfinished)

    def select_event(
        name: str, time: datetime, condition: ColumnElement[bool]
    ) -> Select[tuple[str, int]]:
        rows = select(literal(name).label("name"), _factory.c.id, at(time).label("at"))
        return rows.where(is_rejected, condition)

    events = union_all(
        select_event(EventName.START.value, began_at, _has_errors),
        select_event(EventName.FAIL.value, now, _has_errors),
        select_event(EventName.ABORT.value, now, not_(_has_errors)),
    ).subquery("every")
    return select(events.c.name, events.c.id, events.c.at)


def reject_batch(
    db: Connection, batch_id: int, spool: ErrorSpool, began_at: datetime, flow_run_id: str | None
) -> None:
    """Close every unfinished factory of the batch: failed if it has errors, otherwise aborted.

    The copying, which began at `began_at` (UTC), is rolled back before. `spool` has its errors.
    """
    now = utc_now()
    spool.restore_errors(db)
    names = ["name", "order_factory_id", "created_at"]
    db.execute(insert_counted(table_of(Event), names, _select_events(batch_id, began_at, now)))
    counted = (
        select(CopyError.order_factory_id, func.count().label("errors"))
        .join(_factory, _factory.c.id == CopyError.order_factory_id)
        .where(_factory.c.batch_id == batch_id)
        .group_by(CopyError.order_factory_id)
        .subquery("counted")
    )
    ended = {"flow_run_id": flow_run_id, "updated_at": now}
    db.execute(
        update(_factory)
        .where(_factory.c.id == counted.c.order_factory_id, is_unfinished)
        .values(
            status=FactoryStatus.FAILED,
            started_at=began_at,
            failed_at=now,
            errors_count=counted.c.errors,
            errors_log=build_errors_log(db, _factory.c.id),
            **ended,
        )
    )
    db.execute(
        update(_factory)
        .where(_factory.c.batch_id == batch_id, is_unfinished)
        .values(status=FactoryStatus.ABORTED, **ended)
    )
