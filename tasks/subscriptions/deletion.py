"""Delete a subscription that has no copies."""

from sqlalchemy import Connection, delete, exists, select

from order_factory.models.errors import SubscriptionHasCopies
from order_factory.models.tables.base import utc_now
from order_factory.models.values.event_names import EventName
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.subscriptions.due import factory, subscription
from order_factory.tasks.subscriptions.templates import delete_unless_copied, item
from order_factory.tasks.working_set.events import record_event, take_snapshot


def delete_subscription(db: Connection, key: int) -> None:
    """Delete a subscription, its items and its template. Raises `SubscriptionHasCopies`."""
    locked = select(subscription).where(subscription.c.id == key).with_for_update()
    row = db.execute(locked).mappings().one_or_none()
    if row is None:
        return
    if db.scalar(select(exists().where(factory.c.order_subscription_id == key))):
        raise SubscriptionHasCopies(public_id(Resource.order_subscriptions, key))
    db.execute(delete(item).where(item.c.order_subscription_id == key))
    db.execute(delete(subscription).where(subscription.c.id == key))
    name, snapshot = EventName.SUBSCRIPTION_DESTROY, take_snapshot(dict(row))
    record_event(db, name, key, row["mode"], utc_now(), snapshot)
    if row["template_order_id"] is not None:
        delete_unless_copied(db, row["template_order_id"])
