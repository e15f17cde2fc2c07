"""The outbox: each event becomes one delivery for each webhook that is subscribed to it.

A change of status writes its event and nothing else. The deliveries are made afterwards, by one
INSERT ... SELECT for each webhook. An event that has a delivery gets no second one, so the events
may be read any number of times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    select,
    update,
)

from order_factory.models.database.retrying import read, write
from order_factory.models.database.table_writers import list_writers
from order_factory.models.tables import Event, EventCallback, OrderFactory, Webhook
from order_factory.models.tables.base import utc_now
from order_factory.models.values.topics import FACTORIES, find_factory_type, list_stored_names
from order_factory.tasks.working_set.statements import at, insert_counted, table_of

_event, _factory = table_of(Event), table_of(OrderFactory)
_webhook, _callback = table_of(Webhook), table_of(EventCallback)
_IDS_AT_ONCE = 20_000


def read_newest_event(db: Connection) -> int:
    """Return the greatest key of an event that is visible."""
    return db.scalar(select(func.max(_event.c.id))) or 0


@dataclass(frozen=True)
class _Mark:
    """All events up to `event_id` are visible once all `writers` have ended."""

    event_id: int
    writers: frozenset[str]


class Outbox:
    """Makes the deliveries of committed events, and knows which events are done."""

    def __init__(self) -> None:
        self._mark: _Mark | None = None

    def make_deliveries(self) -> int:
        """Make the deliveries of all visible events, in short transactions. Returns their number.

        Afterwards `until_event_id` advances to the point below which no new event can appear.
        """
        newest, webhooks, writers = read(_read_state)
        if not webhooks:
            return 0
        if self._mark is None:
            self._mark = _Mark(newest, writers)
        still_writing = self._mark.writers & writers
        count = 0
        first = min(each.until_event_id for each in webhooks)
        for low in range(first, newest, _IDS_AT_ONCE):
            high = min(low + _IDS_AT_ONCE, newest)
            count += write(partial(_make_deliveries_between, webhooks=webhooks, low=low, high=high))
        if still_writing:
            self._mark = _Mark(self._mark.event_id, still_writing)
        else:
            write(partial(_advance_webhooks, until=self._mark.event_id))
            self._mark = None
        return count


def _read_state(db: Connection) -> tuple[int, Sequence[Any], frozenset[str]]:
    """Return the newest event, the webhooks that are behind it, and the writers of older events."""
    newest = read_newest_event(db)
    webhooks_behind = select(_webhook).where(
        _webhook.c.disabled_at.is_(None), _webhook.c.until_event_id < newest
    )
    webhooks = db.execute(webhooks_behind).all()
    return newest, webhooks, list_writers(db, _event) if webhooks else frozenset()


def _make_deliveries_between(
    db: Connection, *, webhooks: Sequence[Any], low: int, high: int
) -> int:
    """Make the deliveries of the events with keys above `low` and up to `high`."""
    between = and_(_event.c.id > low, _event.c.id <= high)
    event_names = set(db.scalars(select(_event.c.name).where(between).distinct()))
    count = 0
    for each in webhooks:
        if each.until_event_id < high and event_names.intersection(list_stored_names(each.topic)):
            delivered = exists().where(
                _callback.c.event_id == _event.c.id, _callback.c.webhook_id == each.id
            )
            rows = select_deliveries(each.id, each.topic, each.mode).where(
                between, _event.c.id > each.until_event_id, not_(delivered)
            )
            count += insert_deliveries(db, rows.order_by(_event.c.id))
    return count


def _advance_webhooks(db: Connection, *, until: int) -> None:
    statement = update(_webhook).where(
        _webhook.c.disabled_at.is_(None), _webhook.c.until_event_id < until
    )
    db.execute(statement.values(until_event_id=until))


DELIVERY_COLUMNS = [
    "webhook_id",
    "event_id",
    "resend",
    "resource",
    "resource_id",
    "created_at",
    "updated_at",
]


def select_deliveries(
    webhook_id: int, topic: str, mode: str, resend: ColumnElement[int] | None = None
) -> Select[Any]:
    """Select a delivery to a webhook for each event of its topic and mode."""
    now = at(utc_now())
    events: Any = _event.outerjoin(_factory, _factory.c.id == _event.c.order_factory_id)
    kind = find_factory_type(topic)
    conditions = [
        _event.c.name.in_(list_stored_names(topic)),
        func.coalesce(_event.c.mode, _factory.c.mode) == mode,
    ]
    if kind is not None:
        stored = f"{FACTORIES}.%"
        conditions.append(case((_event.c.name.like(stored), _factory.c.type == kind), else_=True))
    resource = topic.partition(".")[0]
    return (
        select(
            literal(webhook_id),
            _event.c.id,
            literal(0) if resend is None else resend,
            literal(resource if kind is None else FACTORIES),
            func.coalesce(_event.c.order_factory_id, _event.c.subject_id),
            now,
            now,
        )
        .select_from(events)
        .where(*conditions)
    )


def insert_deliveries(db: Connection, rows: Select[Any]) -> int:
    """Insert deliveries. Returns their number."""
    return db.execute(insert_counted(_callback, DELIVERY_COLUMNS, rows)).rowcount
