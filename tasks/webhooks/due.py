"""Reading the deliveries that are due, with their bodies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    exists,
    not_,
    or_,
    select,
)

from order_factory.models.tables import Event, EventCallback, Webhook
from order_factory.models.tables.webhooks import CircuitState, DeliveryStatus
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.webhooks.circuit import Circuit
from order_factory.tasks.working_set.statements import table_of

_webhook, _callback, _event = table_of(Webhook), table_of(EventCallback), table_of(Event)
_is_pending = _callback.c.status == DeliveryStatus.PENDING
_is_enabled = _webhook.c.disabled_at.is_(None)
_is_closed = _webhook.c.circuit_state == CircuitState.CLOSED
AT_ONCE = 200

# Renders the documents of rows of one resource for a webhook. Takes the resource's name, the mode,
# the includes and the keys; returns the bodies by key.
Render = Callable[[Connection, str, str, Sequence[str], Sequence[int]], dict[int, bytes]]


@dataclass(frozen=True)
class Delivery:
    """One delivery that is due. `body` is None if the document could not be made."""

    id: int
    webhook_id: int
    topic: str
    url: str
    secrets: tuple[str, ...]
    circuit: Circuit
    message_id: str
    about: tuple[str, int]
    tries: int
    body: bytes | None
    problem: str = ""


def list_due_receivers(db: Connection, now: datetime) -> list[str]:
    """Return the URLs for which a delivery is due now."""
    waiting = exists().where(_callback.c.webhook_id == _webhook.c.id, _is_pending)
    due = waiting.where(_is_due(now))
    trial = and_(not_(_is_closed), _webhook.c.circuit_retry_at <= now, waiting)
    rows = select(_webhook.c.callback_url).distinct()
    return list(db.scalars(rows.where(_is_enabled, or_(and_(_is_closed, due), trial))))


def read_due(db: Connection, url: str, now: datetime, render: Render) -> list[Delivery]:
    """Return the next deliveries to a receiver, in the order of their events.

    A delivery waits while an earlier one about the same row waits for its next try. If the circuit
    of a webhook is open, there is one delivery as a trial when the trial is due.
    """
    rows = list(db.execute(_select_due_rows(url, now).limit(AT_ONCE)).all())
    trials = select(_webhook.c.id).where(
        _webhook.c.callback_url == url,
        _is_enabled,
        not_(_is_closed),
        _webhook.c.circuit_retry_at <= now,
    )
    for webhook_id in db.scalars(trials).all():
        trial = _select_rows().where(_callback.c.webhook_id == webhook_id, _is_pending).limit(1)
        rows.extend(db.execute(trial).all())
    return _make_deliveries(db, rows, now, render)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(_callback.c.next_try_at.is_(None), _callback.c.next_try_at <= now)


def _select_rows() -> Select[Any]:
    names = ("id", "webhook_id", "event_id", "resource", "resource_id", "tries", "payload")
    return (
        select(
            *(_callback.c[name] for name in names),
            _webhook.c.topic,
            _webhook.c.mode,
            _webhook.c.callback_url,
            _webhook.c.include_resources,
            _webhook.c.shared_secret,
            _webhook.c.previous_secret,
            _webhook.c.previous_secret_until,
            _webhook.c.circuit_state,
            _webhook.c.circuit_failure_count,
            _webhook.c.circuit_retry_at,
            _webhook.c.circuit_trials,
        )
        .join(_webhook, _webhook.c.id == _callback.c.webhook_id)
        .order_by(_callback.c.event_id, _callback.c.id)
    )


def _select_due_rows(url: str, now: datetime) -> Select[Any]:
    before, of_before = _callback.alias("before"), _webhook.alias("of_before")
    waits = (
        exists()
        .select_from(before.join(of_before, of_before.c.id == before.c.webhook_id))
        .where(
            before.c.resource_id == _callback.c.resource_id,
            before.c.resource == _callback.c.resource,
            before.c.event_id < _callback.c.event_id,
            before.c.status == DeliveryStatus.PENDING,
            before.c.next_try_at > now,
            of_before.c.callback_url == url,
            of_before.c.disabled_at.is_(None),
            of_before.c.circuit_state == CircuitState.CLOSED,
        )
        .correlate(_callback)
    )
    return _select_rows().where(
        _webhook.c.callback_url == url,
        _is_enabled,
        _is_closed,
        _is_pending,
        _is_due(now),
        not_(waits),
    )


def _make_deliveries(
    db: Connection, rows: Sequence[Row[Any]], now: datetime, render: Render
) -> list[Delivery]:
    bodies, problems = _render_bodies(db, rows, render)
    return [
        Delivery(
            id=row.id,
            webhook_id=row.webhook_id,
            topic=row.topic,
            url=row.callback_url,
            secrets=_list_valid_secrets(row, now),
            circuit=Circuit(
                row.circuit_state,
                row.circuit_failure_count,
                row.circuit_retry_at,
                row.circuit_trials,
            ),
            message_id=public_id(Resource.events, row.event_id),
            about=(row.resource, row.resource_id),
            tries=row.tries,
            body=bodies.get(row.id),
            problem=problems.get(row.webhook_id, ""),
        )
        for row in rows
    ]


def _list_valid_secrets(row: Row[Any], now: datetime) -> tuple[str, ...]:
    if row.previous_secret is not None and row.previous_secret_until > now:
        return row.shared_secret, row.previous_secret
    return (row.shared_secret,)


def _render_bodies(
    db: Connection, rows: Sequence[Row[Any]], render: Render
) -> tuple[dict[int, bytes], dict[int, str]]:
    """Return the body of each delivery by its key, and the errors of documents by webhook.

    A body that was sent before is sent again unchanged.
    """
    bodies = {row.id: row.payload.encode() for row in rows if row.payload is not None}
    problems: dict[int, str] = {}
    for webhook_id in dict.fromkeys(row.webhook_id for row in rows if row.payload is None):
        mine = [row for row in rows if row.webhook_id == webhook_id and row.payload is None]
        first = mine[0]
        keys = list(dict.fromkeys(row.resource_id for row in mine))
        name = first.topic.partition(".")[0]
        try:
            made = render(db, name, first.mode, first.include_resources or (), keys)
        except ValueError as error:
            problems[webhook_id] = str(error)
            continue
        bodies.update((row.id, made[row.resource_id]) for row in mine)
    return bodies, problems
