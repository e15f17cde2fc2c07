"""Triggers of webhooks and events: enable, close the circuit, replace the secret, send again."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, literal, select, update

from order_factory.models.tables import Event, EventCallback, OrderFactory, Webhook
from order_factory.tasks.webhooks.circuit import CLOSED
from order_factory.tasks.webhooks.outbox import (
    insert_deliveries,
    read_newest_event,
    select_deliveries,
)
from order_factory.tasks.webhooks.settings import webhook_settings
from order_factory.tasks.webhooks.signing import make_secret
from order_factory.tasks.working_set.statements import table_of

_webhook, _callback = table_of(Webhook), table_of(EventCallback)
_event, _factory = table_of(Event), table_of(OrderFactory)


def start_from_now(db: Connection) -> dict[str, int]:
    """Return the values of a webhook that gets the events from now on."""
    newest = read_newest_event(db)
    return {"since_event_id": newest, "until_event_id": newest}


def close_circuit() -> dict[str, Any]:
    """Return the values of a webhook with a closed circuit."""
    return {
        "circuit_state": CLOSED.state,
        "circuit_failure_count": CLOSED.failure_count,
        "circuit_retry_at": CLOSED.retry_at,
        "circuit_trials": CLOSED.trials,
    }


def replace_secret(secret: str, now: datetime) -> dict[str, Any]:
    """Return the values of a webhook with a new secret. The old one stays valid for some hours."""
    hours = webhook_settings().rotation_hours
    return {
        "shared_secret": make_secret(),
        "previous_secret": secret,
        "previous_secret_until": now + timedelta(hours=hours),
    }


def send_again(db: Connection, event_id: int) -> int:
    """Deliver an event again to each webhook that is subscribed to it now. Returns their number.

    The new deliveries have the id of the event, like the first ones.
    """
    event = db.execute(
        select(
            _event.c.name,
            func.coalesce(_event.c.mode, _factory.c.mode).label("mode"),
            _factory.c.type,
        )
        .select_from(_event.outerjoin(_factory, _factory.c.id == _event.c.order_factory_id))
        .where(_event.c.id == event_id)
    ).one()
    webhooks = db.execute(
        select(_webhook).where(_webhook.c.disabled_at.is_(None), _webhook.c.mode == event.mode)
    ).all()
    count = 0
    for each in webhooks:
        before = select(func.coalesce(func.max(_callback.c.resend) + 1, 0)).where(
            _callback.c.event_id == event_id, _callback.c.webhook_id == each.id
        )
        number = db.scalar(before) or 0
        rows = select_deliveries(each.id, each.topic, each.mode, literal(number))
        rows = rows.where(_event.c.id == event_id)
        if number == 0 and event_id > each.until_event_id:
            # The outbox has not reached this event yet. It makes the first delivery.
            count += len(db.execute(rows).all())
        else:
            count += insert_deliveries(db, rows)
    return count


def delete_webhook(db: Connection, key: int) -> None:
    """Delete a webhook with its delivery log. Pending deliveries are not sent."""
    db.execute(delete(_callback).where(_callback.c.webhook_id == key))
    db.execute(delete(_webhook).where(_webhook.c.id == key))


def silence_webhooks(db: Connection, now: datetime) -> None:
    """Disable all webhooks, delete their deliveries, and replace their secrets.

    It is for a copy of a shop's database, because the receivers belong to the shop.
    """
    db.execute(delete(_callback))
    for key in db.scalars(select(_webhook.c.id)).all():
        db.execute(
            update(_webhook)
            .where(_webhook.c.id == key)
            .values(
                disabled_at=func.coalesce(_webhook.c.disabled_at, now),
                shared_secret=make_secret(),
                previous_secret=None,
                previous_secret_until=None,
                **close_circuit(),
                **start_from_now(db),
            )
        )
