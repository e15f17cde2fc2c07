"""The single copies that a flow run has ended, according to their events."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Select, func, select

from order_factory.models.results.copies import OrderFactoryResult
from order_factory.models.tables import Event, OrderFactory
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.factories.records import present, select_factories
from order_factory.tasks.working_set.statements import table_of

_event = table_of(Event)
_ENDS = (EventName.COMPLETE, EventName.FAIL)


def read_last_event(db: Connection) -> int:
    """Return the key of the newest event. Events of a run that begins now are newer."""
    return db.scalar(select(func.max(_event.c.id))) or 0


def count_ended(db: Connection, after: int, flow_run_id: str | None) -> tuple[int, int]:
    """Return the numbers of single copies that this run has completed and failed after an event."""
    rows = (
        select(OrderFactory.status, func.count())
        .where(OrderFactory.id.in_(_select_ended(after)), *_match_single_copies(flow_run_id))
        .group_by(OrderFactory.status)
    )
    counts = {status: count for status, count in db.execute(rows)}
    return counts.get(FactoryStatus.COMPLETED, 0), counts.get(FactoryStatus.FAILED, 0)


def read_ended(
    db: Connection, after: int, flow_run_id: str | None, limit: int
) -> list[OrderFactoryResult]:
    """Return the first of these copies."""
    wanted = select_factories().where(
        OrderFactory.id.in_(_select_ended(after)), *_match_single_copies(flow_run_id)
    )
    return [present(row) for row in db.execute(wanted.order_by(OrderFactory.id).limit(limit))]


def _select_ended(after: int) -> Select[tuple[int]]:
    return select(_event.c.order_factory_id).where(_event.c.id > after, _event.c.name.in_(_ENDS))


def _match_single_copies(flow_run_id: str | None) -> Sequence[ColumnElement[bool]]:
    return OrderFactory.flow_run_id == flow_run_id, OrderFactory.batch_id.is_(None)
