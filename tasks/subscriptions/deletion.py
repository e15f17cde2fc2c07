"""Deleting a subscription that has made nothing yet."""

from sqlalchemy import Connection, delete, exists, select

from order_factory.models.errors import SubscriptionHasCopies
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.subscriptions.due import factory, subscription
from order_factory.tasks.subscriptions.templates import delete_unless_copied, item


def delete_subscription(db: Connection, key: int) -> None:
    """Delete a subscription with its items and template. Raises `SubscriptionHasCopies`."""
    mine = select(subscription.c.template_order_id).where(subscription.c.id == key)
    template = db.scalar(mine.with_for_update())
    if db.scalar(select(exists().where(factory.c.order_subscription_id == key))):
        raise SubscriptionHasCopies(public_id(Resource.order_subscriptions, key))
    db.execute(delete(item).where(item.c.order_subscription_id == key))
    db.execute(delete(subscription).where(subscription.c.id == key))
    if template is not None:
        delete_unless_copied(db, template)
