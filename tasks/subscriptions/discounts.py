"""Converting the discounts of a source order for the items of an automatic subscription."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, insert, literal, select

from order_factory.models.tables import LineItem, OrderSubscriptionItem
from order_factory.models.values.statuses import DISCOUNTS, SHIPPABLE, ItemType
from order_factory.tasks.working_set.statements import at, copied_columns, table_of, times

_line, _item = table_of(LineItem), table_of(OrderSubscriptionItem)
# Discounts that are not on goods of the items: on shipping, and free gifts.
_GONE = (ItemType.FREE_SHIPPING_PROMOTIONS, ItemType.FREE_GIFT_PROMOTIONS)
_SPLIT = tuple(kind for kind in DISCOUNTS if kind not in _GONE)


def share_cents(discount_cents: int, part: int, whole: int) -> int:
    """Return the share of a discount (cents, zero or below) for a part of the whole.

    Half a cent is rounded away from zero; the whole gets the whole discount.
    """
    if whole <= 0:
        return 0
    return -((2 * -discount_cents * part + whole) // (2 * whole))


def insert_discount_lines(
    db: Connection, source_order_id: int, subscription_id: int, template: int, now: datetime
) -> None:
    """Insert the template's share of each discount of the source order.

    A percentage stays that percentage of the items. Any other discount is split by quantity: fewer
    pieces get their share, and more pieces get no more. A discount that needed a coupon was for the
    source order only.
    """
    of_source = _line.c.order_id == source_order_id
    goods = (of_source, _line.c.item_type.in_(SHIPPABLE), _line.c.total_amount_cents > 0)
    whole = db.scalar(select(func.coalesce(func.sum(_line.c.total_amount_cents), 0)).where(*goods))
    now_cents, kept_cents = _parts(db, subscription_id)
    discounts = select(_line.c.id, _line.c.item_type, _line.c.total_amount_cents).where(
        of_source,
        _line.c.item_type.in_(_SPLIT),
        _line.c.total_amount_cents < 0,
        _line.c.coupon_code.is_(None),
    )
    for key, kind, cents in db.execute(discounts.order_by(_line.c.id)).all():
        percentage = kind == ItemType.PERCENTAGE_DISCOUNT_PROMOTIONS
        share = share_cents(cents, now_cents if percentage else kept_cents, whole or 0)
        if share:
            _insert_line(db, key, template, share, now)


def _parts(db: Connection, subscription_id: int) -> tuple[int, int]:
    """Return the cost of the items now, and of their pieces in the source order, in cents."""
    kept = case((_item.c.quantity < _line.c.quantity, _item.c.quantity), else_=_line.c.quantity)
    rows = select(
        _item.c.total_amount_cents, _line.c.total_amount_cents, kept, _line.c.quantity
    ).join(_line, _line.c.id == _item.c.source_line_item_id)
    found = db.execute(rows.where(_item.c.order_subscription_id == subscription_id)).all()
    now_cents = sum(row[0] for row in found)
    return now_cents, sum(total * pieces // quantity for _, total, pieces, quantity in found)


def _insert_line(db: Connection, key: int, template: int, cents: int, now: datetime) -> None:
    own: dict[str, Any] = {
        "order_id": literal(template),
        "quantity": literal(1),
        "unit_amount_cents": literal(cents),
        "total_amount_cents": literal(cents),
    }
    values = {column.key: column for column in copied_columns(LineItem, "order_id")} | own
    values |= times(at(now))
    rows = select(*values.values()).where(_line.c.id == key)
    db.execute(insert(_line).from_select(list(values), rows, include_defaults=False))
