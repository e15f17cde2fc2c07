"""Record events of subscriptions, in the transaction that changes their status."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import SubscriptionStatus
from order_factory.tasks.subscriptions.due import subscription
from order_factory.tasks.working_set.events import record_events

_EVENTS = {
    SubscriptionStatus.ACTIVE: EventName.SUBSCRIPTION_ACTIVATE,
    SubscriptionStatus.INACTIVE: EventName.SUBSCRIPTION_DEACTIVATE,
    SubscriptionStatus.CANCELLED: EventName.SUBSCRIPTION_CANCEL,
}


def record_new_status(
    db: Connection, status: SubscriptionStatus, condition: ColumnElement[bool], now: datetime
) -> None:
    """Insert an event for each subscription that meets the condition and now has this status."""
    rows = select(subscription.c.id, subscription.c.mode).where(condition)
    record_events(db, _EVENTS[status], rows, now)
