"""The delivery log: list deliveries with their answers, and delete old ones."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from order_factory.models.database.retrying import write
from order_factory.models.tables import EventCallback, Webhook
from order_factory.models.tables.base import utc_now
from order_factory.tasks.webhooks.settings import WebhookSettings
from order_factory.tasks.working_set.statements import table_of

_webhook, _callback = table_of(Webhook), table_of(EventCallback)
_ROWS_AT_ONCE = 5_000


def prune_log(settings: WebhookSettings) -> int:
    """Delete old deliveries, a few thousand per transaction. Returns their number.

    A delivery stays while the outbox may still read its event. Without the delivery, the outbox
    would deliver the event again.
    """
    before = utc_now() - timedelta(days=settings.log_days)

    def prune(db: Connection) -> int:
        old = (
            select(_callback.c.id, _callback.c.webhook_id, _callback.c.event_id)
            .join(_webhook, _webhook.c.id == _callback.c.webhook_id)
            .where(_callback.c.ended_at < before, _callback.c.event_id <= _webhook.c.until_event_id)
            .order_by(_callback.c.ended_at)
            .limit(_ROWS_AT_ONCE)
        )
        rows = db.execute(old).all()
        if not rows:
            return 0
        newest: dict[int, int] = {}
        for row in rows:
            newest[row.webhook_id] = max(row.event_id, newest.get(row.webhook_id, 0))
        for key, event_id in newest.items():
            statement = update(_webhook).where(
                _webhook.c.id == key, _webhook.c.since_event_id < event_id
            )
            db.execute(statement.values(since_event_id=event_id))
        keys = [row.id for row in rows]
        db.execute(delete(_callback).where(_callback.c.id.in_(keys)))
        return len(rows)

    pruned = 0
    while deleted := write(prune):
        pruned += deleted
    return pruned


def list_deliveries(db: Connection, webhook_id: int, limit: int) -> list[Row[Any]]:
    """Return the newest deliveries of a webhook, without their payloads."""
    shown = [column for column in _callback.c if column is not _callback.c.payload]
    deliveries = select(*shown, func.length(_callback.c.payload).label("payload_bytes"))
    deliveries = deliveries.where(_callback.c.webhook_id == webhook_id)
    return list(db.execute(deliveries.order_by(_callback.c.id.desc()).limit(limit)))
