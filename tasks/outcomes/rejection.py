"""Rejecting a batch: the copies with errors fail, and all others are aborted."""

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

from order_factory.models.database.dialects import errors_log_of
from order_factory.models.tables import CopyError, Event, OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.outcomes.error_spool import Faults
from order_factory.tasks.working_set.claims import is_unfinished
from order_factory.tasks.working_set.statements import Rows, at, insert_counted, table_of

_factory = table_of(OrderFactory)
_is_wrong = exists().where(CopyError.order_factory_id == _factory.c.id)


def _select_events(batch_id: int, began_at: datetime, now: datetime) -> Rows:
    """Select two events for each copy that fails, and one for each that is aborted."""
    mine = and_(_factory.c.batch_id == batch_id, is_unfinished)

    def named(name: str, moment: datetime, which: ColumnElement[bool]) -> Select[tuple[str, int]]:
        rows = select(literal(name).label("name"), _factory.c.id, at(moment).label("at"))
        return rows.where(mine, which)

    every = union_all(
        named(EventName.START.value, began_at, _is_wrong),
        named(EventName.FAIL.value, now, _is_wrong),
        named(EventName.ABORT.value, now, not_(_is_wrong)),
    ).subquery("every")
    return select(every.c.name, every.c.id, every.c.at)


def reject_batch(
    db: Connection, batch_id: int, faults: Faults, began_at: datetime, flow_run_id: str | None
) -> None:
    """Close every unfinished factory of the batch: as failed if it has errors, else as aborted.

    The copying is rolled back already. `began_at` is the time at which it began, in UTC.
    """
    now = utc_now()
    faults.write_down(db)
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
            errors_log=errors_log_of(db, _factory.c.id),
            **ended,
        )
    )
    db.execute(
        update(_factory)
        .where(_factory.c.batch_id == batch_id, is_unfinished)
        .values(status=FactoryStatus.ABORTED, **ended)
    )
