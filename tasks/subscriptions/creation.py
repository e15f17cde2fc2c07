"""Create subscriptions, and find them by number or id."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, exists, insert, or_, select

from order_factory.models.errors import InvalidRequest, SubscriptionNotFound
from order_factory.models.requests.subscriptions import EXPIRES_LATER, SubscriptionOptions
from order_factory.models.tables import Coupon, Order
from order_factory.models.values.event_names import EventName
from order_factory.models.values.public_ids import Resource, parse_public_id
from order_factory.models.values.statuses import OrderStatus, SubscriptionStatus
from order_factory.tasks.subscriptions.due import subscription
from order_factory.tasks.working_set.events import record_event
from order_factory.tasks.working_set.statements import table_of

_order, _coupon = table_of(Order), table_of(Coupon)


def make_number() -> str:
    """Return a new subscription number. People use it like an order number."""
    return f"S{uuid4().int % 10**12:012}"


def create_subscription(
    db: Connection,
    source_order_id: int,
    options: SubscriptionOptions,
    now: datetime,
    number: str | None = None,
) -> int:
    """Create a subscription that repeats this order. Returns its key.

    Its `number` is one of `make_number`, by which the caller can find it again.

    It is a draft until someone activates it, or until a run finds its source order placed. Its
    copies leave out a coupon that can be used once, because the source order used it. Raises
    `InvalidRequest` if it expires before it starts, or if a cancelled order would end it at once.
    """
    starts_at = options.starts_at or now
    if options.expires_at is not None and options.expires_at <= starts_at:
        raise InvalidRequest(f"expires_at {EXPIRES_LATER}, which is now unless it is given.")
    order = db.execute(select(_order).where(_order.c.id == source_order_id)).one()
    if options.end_with_source_order and order.status == OrderStatus.CANCELLED:
        raise InvalidRequest(
            "The source order is cancelled. To repeat it anyway, set end_with_source_order "
            "to false."
        )
    values = options.model_dump() | {
        "number": number or make_number(),
        "mode": order.mode,
        "status": SubscriptionStatus.DRAFT,
        "source_order_id": source_order_id,
        "customer_id": order.customer_id,
        "customer_email": order.customer_email,
        "starts_at": starts_at,
        "created_at": now,
        "updated_at": now,
    }
    values["ignore_invalid_coupon"] |= _has_coupon_for_one_use(db, order)
    statement = insert(subscription).values(values).returning(subscription.c.id)
    key = int(db.execute(statement).scalar_one())
    record_event(db, EventName.SUBSCRIPTION_CREATE, key, order.mode, now)
    return key


def _has_coupon_for_one_use(db: Connection, order: Row[Any]) -> bool:
    is_its_coupon = (_coupon.c.mode == order.mode) & (_coupon.c.code_key == order.coupon_code_key)
    is_for_one_use = or_(_coupon.c.customer_single_use, _coupon.c.usage_limit == 1)
    return bool(db.scalar(select(exists().where(is_its_coupon, is_for_one_use))))


def require_subscription(db: Connection, name: str) -> int:
    """Return the key of the subscription with this number or id. Raises `SubscriptionNotFound`."""
    key = parse_public_id(Resource.order_subscriptions, name)
    is_named = subscription.c.number == name if key is None else subscription.c.id == key
    keys = db.scalars(select(subscription.c.id).where(is_named).limit(2)).all()
    if len(keys) != 1:
        raise SubscriptionNotFound(name)
    return int(keys[0])
