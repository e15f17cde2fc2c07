"""Recording events in the transaction that makes the change."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, insert, literal, select

from order_factory.models.tables import Event, Order, Webhook
from order_factory.models.values.event_names import EventName
from order_factory.tasks.working_set.statements import at, insert_counted, table_of

_event, _order, _webhook = table_of(Event), table_of(Order), table_of(Webhook)


def record_event(
    db: Connection,
    name: EventName,
    subject_id: int,
    mode: str,
    now: datetime,
    snapshot: Mapping[str, Any] | None = None,
) -> None:
    """Record that something happened to one row. A deleted row has its `snapshot`."""
    values = {"name": name, "subject_id": subject_id, "mode": mode, "created_at": now}
    db.execute(insert(_event).values(**values, snapshot=snapshot))


def record_events(
    db: Connection, name: EventName, rows: Select[tuple[int, str]], now: datetime
) -> int:
    """Record that something happened to these rows, given by key and mode. Returns their number."""
    subjects = rows.subquery("subjects")
    key, mode = subjects.c
    names = ["name", "subject_id", "mode", "created_at"]
    rows_to_insert = select(literal(name.value), key, mode, at(now)).order_by(key)
    return db.execute(insert_counted(_event, names, rows_to_insert)).rowcount


def record_order_events(
    db: Connection,
    names: Iterable[EventName],
    orders: Select[tuple[int]],
    *where: ColumnElement[bool],
    now: datetime,
) -> None:
    """Record that something happened to those of the orders that meet the conditions."""
    rows = select(_order.c.id, _order.c.mode).where(_order.c.id.in_(orders), *where)
    for name in names:
        record_events(db, name, rows, now)


def subscribed_topics(db: Connection) -> set[str]:
    """Return the order topics that some webhook is subscribed to."""
    topics = select(_webhook.c.topic).where(
        _webhook.c.disabled_at.is_(None), _webhook.c.topic.startswith("orders.")
    )
    return set(db.scalars(topics))


def record_order_events_if_subscribed(
    db: Connection,
    name: EventName,
    orders: Select[tuple[int]],
    *where: ColumnElement[bool],
    now: datetime,
) -> None:
    """Record the event if a webhook is subscribed to it: a large batch writes no unused rows."""
    if name in subscribed_topics(db):
        record_order_events(db, [name], orders, *where, now=now)


def take_snapshot(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as JSON values, with times as ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def detach_events_of_factory(db: Connection, row: Mapping[str, Any], now: datetime) -> None:
    """Detach the events of a copy from its record before it is deleted, and record the deletion.

    The kind of the copy becomes part of their names, because only the record has it otherwise.
    """
    kind = row["type"]
    own_events = _event.update().where(_event.c.order_factory_id == row["id"])
    db.execute(
        own_events.values(
            name=func.replace(_event.c.name, "order_factories", kind),
            subject_id=row["id"],
            mode=row["mode"],
            order_factory_id=None,
        )
    )
    destroyed = {
        "name": EventName.DESTROY.replace("order_factories", kind),
        "subject_id": row["id"],
        "mode": row["mode"],
        "created_at": now,
        "snapshot": take_snapshot(row),
    }
    db.execute(insert(_event).values(destroyed))
