"""Giving back what orders have used up of coupons and promotions, where they are not placed."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    true,
    union,
    update,
)

from order_factory.models.database.dialects import json_keys
from order_factory.models.tables import Coupon, LineItem, Order, OrderFactory, Promotion
from order_factory.models.values.statuses import SHIPPABLE, ItemType
from order_factory.tasks.promotions.uses import lock_rows
from order_factory.tasks.working_set.statements import NOW, table_of

Orders = Select[tuple[int]]

_order, _factory, _line = table_of(Order), table_of(OrderFactory), table_of(LineItem)
_coupon, _promotion = table_of(Coupon), table_of(Promotion)
_of_factory = _order.join(_factory, _factory.c.id == _order.c.order_factory_id)
_its_coupon = and_(
    _coupon.c.mode == _order.c.mode,
    _coupon.c.code_key == _order.c.coupon_code_key,
    # One that came later was not counted.
    _coupon.c.created_at <= _order.c.created_at,
)
# Whether the order has its uses: one that was to be placed has them only once it is.
has_uses = or_(_order.c.placed_at.is_not(None), ~_factory.c.place_target_order)


def release_uses(
    db: Connection, orders: Orders, now: datetime, which: ColumnElement[bool] | None = None
) -> None:
    """Count the uses of these orders back, of their coupons and of all promotions they got.

    Each order's uses must be given back once: in the transaction in which it is declined, found
    not to be placed, or cancelled. `which` leaves out the other orders.
    """
    mine = and_(_order.c.id.in_(orders), true() if which is None else which)
    some = or_(_order.c.coupon_code != "", _factory.c.apply_promotions)
    if not db.scalar(select(exists().select_from(_of_factory).where(mine, some))):
        return
    rows = _of_factory.join(_coupon, _its_coupon)
    coupons = select(_coupon.c.id, _order.c.id.label("order_id")).select_from(rows).where(mine)
    by_coupon = select(_coupon.c.promotion_id.label("id"), _order.c.id.label("order_id"))
    by_coupon = by_coupon.select_from(rows).where(mine)
    promotions = union(by_coupon, _computed(db, mine))
    for table, count, uses in (
        (_promotion, _promotion.c.total_usage_count, promotions),
        (_coupon, _coupon.c.usage_count, coupons),
    ):
        _count_back(db, table, count, uses, now)


def _computed(db: Connection, mine: ColumnElement[bool]) -> Select[tuple[int, int]]:
    """The promotions that were computed for these orders: the lines' breakdowns have their keys."""
    key = json_keys(db, _line.c.discount_breakdown)
    lines = _of_factory.join(_line, _line.c.order_id == _order.c.id).join(key, true())
    rows = lines.join(_promotion, cast(_promotion.c.id, String) == key.c.key)
    return (
        select(_promotion.c.id, _order.c.id.label("order_id"))
        .select_from(rows)
        .where(mine, _factory.c.apply_promotions)
        .where(_line.c.item_type.in_([*SHIPPABLE, ItemType.SHIPMENTS]))
    )


def _count_back(
    db: Connection,
    table: Table,
    count: ColumnElement[int],
    uses: Select[tuple[int, int]] | CompoundSelect[tuple[int, int]],
    now: datetime,
) -> None:
    each = uses.subquery("each")
    used = select(each.c.id, func.count().label("times")).group_by(each.c.id).subquery("used")
    lock_rows(db, table, select(used.c.id))
    # What the shop has set lower meanwhile does not fall below zero.
    fewer = case((count > used.c.times, count - used.c.times), else_=0)
    less = update(table).where(table.c.id == used.c.id)
    db.execute(less.values({count: fewer, table.c.updated_at: NOW}), {"now": now})
