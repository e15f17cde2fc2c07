"""Items: what an automatic subscription delivers. They come from the lines of its source order."""

from datetime import datetime

from sqlalchemy import Connection, exists, func, literal, select

from order_factory.models.errors import InvalidRequest, LastSubscriptionItem
from order_factory.models.tables import LineItem, LineItemOption
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import SHIPPABLE
from order_factory.tasks.subscriptions.due import subscription
from order_factory.tasks.subscriptions.templates import item, rebuild_template
from order_factory.tasks.working_set.statements import (
    at,
    execute_and_count,
    insert_counted,
    table_of,
    times,
)

_line, _option = table_of(LineItem), table_of(LineItemOption)


def convert_to_automatic(db: Connection, key: int, now: datetime) -> int:
    """Convert a manual subscription to an automatic one. Returns the number of its items.

    The items are the goods of the source order with the subscription's `frequency`. If no line has
    a frequency, they are all goods. Raises `InvalidRequest`.
    """
    if db.scalar(select(exists().where(item.c.order_subscription_id == key))):
        raise InvalidRequest("The order subscription has items already: it is an automatic one.")
    row = db.execute(select(subscription).where(subscription.c.id == key)).one()
    is_of_source = _line.c.order_id == row.source_order_id
    goods = (is_of_source, _line.c.item_type.in_(SHIPPABLE), _line.c.quantity > 0)
    has_frequency = exists().where(*goods, _line.c.frequency.is_not(None))
    conditions = [_line.c.frequency == row.frequency] if db.scalar(select(has_frequency)) else []
    values = {
        "order_subscription_id": literal(key),
        "source_line_item_id": _line.c.id,
        "item_type": _line.c.item_type,
        "sku_code": _line.c.sku_code,
        "bundle_code": _line.c.bundle_code,
        "quantity": _line.c.quantity,
        "currency_code": _line.c.currency_code,
        "unit_amount_cents": _line.c.unit_amount_cents,
        "total_amount_cents": _line.c.total_amount_cents,
        **times(at(now)),
    }
    rows = select(*values.values()).where(*goods, *conditions).order_by(_line.c.id)
    count = execute_and_count(db, insert_counted(item, list(values), rows))
    if not count:
        raise InvalidRequest(
            f"The source order has no line item with the frequency {row.frequency}."
        )
    rebuild_template(db, key, now)
    return count


def sum_options_cents(db: Connection, line_item_id: int | None) -> int:
    """Return the cost of all options of this line, in cents. It is the same for every quantity."""
    sums = select(func.coalesce(func.sum(_option.c.total_amount_cents), 0))
    sums = sums.where(_option.c.line_item_id == _line.c.id)
    cost = func.coalesce(_line.c.options_amount_cents, sums.scalar_subquery())
    return db.scalar(select(cost).where(_line.c.id == line_item_id)) or 0


def require_another_item(db: Connection, key: int) -> None:
    """Raise `LastSubscriptionItem` if the subscription has no other item."""
    subscription_id = select(item.c.order_subscription_id).where(item.c.id == key).scalar_subquery()
    others = exists().where(item.c.order_subscription_id == subscription_id, item.c.id != key)
    if not db.scalar(select(others)):
        raise LastSubscriptionItem(public_id(Resource.order_subscription_items, key))
