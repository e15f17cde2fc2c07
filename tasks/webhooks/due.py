"""Read the deliveries that are due, with their bodies."""

from collections.abc import Callable, Mapping, Sequence
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
    literal_column,
    not_,
    or_,
    select,
    tuple_,
)

from order_factory.models.tables import EventCallback, Webhook
from order_factory.models.tables.webhooks import CircuitState, DeliveryStatus
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.webhooks.circuit import Circuit
from order_factory.tasks.working_set.statements import table_of

_webhook, _callback = table_of(Webhook), table_of(EventCallback)
# Not a parameter, so that a plan for any parameters can use the indexes of pending deliveries.
_is_pending = _callback.c.status == literal_column(f"'{DeliveryStatus.PENDING}'")
_is_enabled = _webhook.c.disabled_at.is_(None)
_is_closed = _webhook.c.circuit_state == CircuitState.CLOSED
AT_ONCE = 200

# It renders the documents of rows of one resource for a webhook: it takes the resource's name, the
# mode, the includes and the keys, and returns the bodies by key.
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
    of a webhook is open, one delivery is returned as its trial, once the trial is due.
    """
    enabled = select(_webhook).where(_webhook.c.callback_url == url, _is_enabled)
    webhooks = {row.id: row for row in db.execute(enabled)}
    closed = [key for key, row in webhooks.items() if row.circuit_state == CircuitState.CLOSED]
    rows = _read_next(db, closed, now)
    for key, row in webhooks.items():
        if row.circuit_state == CircuitState.OPEN and row.circuit_retry_at <= now:
            rows.extend(db.execute(_select_pending(key, 1)))
    return _make_deliveries(db, rows, webhooks, now, render)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(_callback.c.next_try_at.is_(None), _callback.c.next_try_at <= now)


def _read_next(db: Connection, webhooks: Sequence[int], now: datetime) -> list[Row[Any]]:
    """Return the next deliveries of these webhooks that wait for no earlier one.

    Each webhook is read by its index, because a join reads all that is pending, or the whole log.
    """
    after = (0, 0)
    while True:
        later = tuple_(_callback.c.event_id, _callback.c.id) > after
        rows = [
            row
            for key in webhooks
            for row in db.execute(_select_pending(key, AT_ONCE).where(_is_due(now), later))
        ]
        rows = sorted(rows, key=lambda row: (row.event_id, row.id))[:AT_ONCE]
        ready = _leave_out_waiting(db, rows, webhooks, now)
        if ready or len(rows) < AT_ONCE:
            return ready
        after = (rows[-1].event_id, rows[-1].id)


def _select_pending(webhook_id: int, limit: int) -> Select[Any]:
    names = ("id", "webhook_id", "event_id", "resource", "resource_id", "tries", "payload")
    return (
        select(*(_callback.c[name] for name in names))
        .where(_callback.c.webhook_id == webhook_id, _is_pending)
        .order_by(_callback.c.event_id, _callback.c.id)
        .limit(limit)
    )


def _leave_out_waiting(
    db: Connection, rows: Sequence[Row[Any]], webhooks: Sequence[int], now: datetime
) -> list[Row[Any]]:
    """Return the rows without those about a row of which an earlier event waits."""
    keys = sorted({row.resource_id for row in rows})
    names = ("webhook_id", "event_id", "resource", "resource_id")
    waiting = select(*(_callback.c[name] for name in names)).where(
        _callback.c.resource_id.in_(keys), _is_pending, _callback.c.next_try_at > now
    )
    first: dict[tuple[str, int], int] = {}
    for row in db.execute(waiting) if keys else ():
        if row.webhook_id in webhooks:
            about = row.resource, row.resource_id
            first[about] = min(row.event_id, first.get(about, row.event_id))
    return [
        row
        for row in rows
        if row.event_id <= first.get((row.resource, row.resource_id), row.event_id)
    ]


def _make_deliveries(
    db: Connection,
    rows: Sequence[Row[Any]],
    webhooks: Mapping[int, Row[Any]],
    now: datetime,
    render: Render,
) -> list[Delivery]:
    bodies, problems = _render_bodies(db, rows, webhooks, render)
    secrets = {key: _list_valid_secrets(webhook, now) for key, webhook in webhooks.items()}
    circuits = {
        key: Circuit(
            webhook.circuit_state,
            webhook.circuit_failure_count,
            webhook.circuit_retry_at,
            webhook.circuit_trials,
        )
        for key, webhook in webhooks.items()
    }
    return [
        Delivery(
            id=row.id,
            webhook_id=row.webhook_id,
            topic=webhooks[row.webhook_id].topic,
            url=webhooks[row.webhook_id].callback_url,
            secrets=secrets[row.webhook_id],
            circuit=circuits[row.webhook_id],
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
    db: Connection,
    rows: Sequence[Row[Any]],
    webhooks: Mapping[int, Row[Any]],
    render: Render,
) -> tuple[dict[int, bytes], dict[int, str]]:
    """Return the bodies by the keys of their deliveries, and the errors by webhook.

    A body that was sent before is sent again unchanged.
    """
    bodies = {row.id: row.payload.encode() for row in rows if row.payload is not None}
    problems: dict[int, str] = {}
    for webhook_id in dict.fromkeys(row.webhook_id for row in rows if row.payload is None):
        own_rows = [row for row in rows if row.webhook_id == webhook_id and row.payload is None]
        webhook = webhooks[webhook_id]
        keys = list(dict.fromkeys(row.resource_id for row in own_rows))
        name = webhook.topic.partition(".")[0]
        try:
            documents = render(db, name, webhook.mode, webhook.include_resources or (), keys)
        except ValueError as error:
            problems[webhook_id] = str(error)
            continue
        bodies.update((row.id, documents[row.resource_id]) for row in own_rows)
    return bodies, problems
