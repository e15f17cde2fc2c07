"""Events: a factory has one event for each change of its status."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select

from order_factory.models.tables import Event
from order_factory.models.values.event_names import EventName
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import factory
from order_factory.tasks.working_set.statements import table_of

_event = table_of(Event)
_ENDS = {
    EventName.COMPLETE: FactoryStatus.COMPLETED,
    EventName.FAIL: FactoryStatus.FAILED,
    EventName.ABORT: FactoryStatus.ABORTED,
}
_started = or_(
    factory.c.status.in_(
        [FactoryStatus.IN_PROGRESS, FactoryStatus.COMPLETED, FactoryStatus.FAILED]
    ),
    and_(factory.c.status == FactoryStatus.ABORTED, factory.c.started_at.is_not(None)),
)


def _find_wrong_ends() -> Select[Any]:
    # Each resumption cancels an abortion.
    counts = {event: _count(event) for event in _ENDS}
    counts[EventName.ABORT] -= _count(EventName.RESUME)
    wrong = (
        counts[event] != case((factory.c.status == status, 1), else_=0)
        for event, status in _ENDS.items()
    )
    return _match_events(*_ENDS, EventName.RESUME).having(or_(*wrong))


def _find_wrong_number(event: str, expected: ColumnElement[int]) -> Select[Any]:
    """Select the factories whose number of these events differs from the expected one."""
    return _match_events(event).having(func.count(_event.c.id) != expected)


def _match_events(*names: str) -> Select[Any]:
    is_own_event = and_(_event.c.order_factory_id == factory.c.id, _event.c.name.in_(names))
    rows = select(factory.c.id).select_from(factory.outerjoin(_event, is_own_event))
    return rows.group_by(factory.c.id, factory.c.status, factory.c.started_at)


def _count(event: str) -> ColumnElement[int]:
    return func.count(case((_event.c.name == event, 1)))


INVARIANTS = (
    Invariant(
        "created-once",
        "Every factory has exactly one event of its creation.",
        Resource.order_factories,
        _find_wrong_number(EventName.CREATE, literal(1)),
    ),
    Invariant(
        "started-once",
        "A factory that was started has exactly one event of its start, and any other factory has "
        "none.",
        Resource.order_factories,
        _find_wrong_number(EventName.START, case((_started, 1), else_=0)),
    ),
    Invariant(
        "ended-once",
        "A completed, failed or aborted factory has exactly one event of its end, and of no other "
        "end. A resumption cancels an abortion.",
        Resource.order_factories,
        _find_wrong_ends(),
    ),
)
