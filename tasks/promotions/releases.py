"""What orders use up of coupons and promotions: given back, and used again by a retry."""

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
from order_factory.models.database.row_locks import lock_rows
from order_factory.models.tables import Coupon, LineItem, Order, OrderFactory, Promotion
from order_factory.models.values.statuses import SHIPPABLE, ItemType
from order_factory.tasks.working_set.statements import NOW, table_of

Orders = Select[tuple[int]]
Uses = Select[tuple[int, int]] | CompoundSelect[tuple[int, int]]
_Counted = tuple[Table, ColumnElement[int], Uses]

_order, _factory, _line = table_of(Order), table_of(OrderFactory), table_of(LineItem)
_coupon, _promotion = table_of(Coupon), table_of(Promotion)
_of_factory = _order.join(_factory, _factory.c.id == _order.c.order_factory_id)
_its_coupon = and_(
    _coupon.c.mode == _order.c.mode,
    _coupon.c.code_key == _order.c.coupon_code_key,
    # A coupon created after the order was not counted.
    _coupon.c.created_at <= _order.c.created_at,
)
# Whether the order's uses are counted. For an order to place, they count once it is placed.
has_uses = or_(_order.c.placed_at.is_not(None), ~_factory.c.place_target_order)


def release_uses(
    db: Connection, orders: Orders, now: datetime, which: ColumnElement[bool] | None = None
) -> None:
    """Subtract these orders' uses from the counts of their coupons and promotions.

    Call once per order, in the transaction that declines or cancels it, or finds that it cannot be
    placed. `which` selects among the orders.
    """
    mine = and_(_order.c.id.in_(orders), true() if which is None else which)
    if _use_something(db, mine):
        for table, count, uses in _counted(db, mine):
            _add_uses(db, table, count, uses, now, each=-1)


def use_again(db: Connection, orders: Orders, now: datetime) -> None:
    """Count the uses of these orders once more: the opposite of `release_uses`.

    Whether the limits allow it must have been checked in the same transaction.
    """
    mine = _order.c.id.in_(orders)
    if _use_something(db, mine):
        for table, count, uses in _counted(db, mine):
            _add_uses(db, table, count, uses, now, each=1)


def promotions_of(db: Connection, orders: Orders) -> CompoundSelect[tuple[int, int]]:
    """The promotions that these orders use: by their coupon, and those computed for them."""
    return _promotions(db, _order.c.id.in_(orders))


def _use_something(db: Connection, mine: ColumnElement[bool]) -> bool:
    some = or_(_order.c.coupon_code != "", _factory.c.apply_promotions)
    return bool(db.scalar(select(exists().select_from(_of_factory).where(mine, some))))


def _counted(db: Connection, mine: ColumnElement[bool]) -> list[_Counted]:
    """What these orders are counted in: the table, its count, one row per use; promotions first."""
    coupons = select(_coupon.c.id, _order.c.id.label("order_id"))
    coupons = coupons.select_from(_of_factory.join(_coupon, _its_coupon)).where(mine)
    return [
        (_promotion, _promotion.c.total_usage_count, _promotions(db, mine)),
        (_coupon, _coupon.c.usage_count, coupons),
    ]


def _promotions(db: Connection, mine: ColumnElement[bool]) -> CompoundSelect[tuple[int, int]]:
    by_coupon = select(_coupon.c.promotion_id.label("id"), _order.c.id.label("order_id"))
    by_coupon = by_coupon.select_from(_of_factory.join(_coupon, _its_coupon)).where(mine)
    return union(by_coupon, _computed(db, mine))


def _computed(db: Connection, mine: ColumnElement[bool]) -> Select[tuple[int, int]]:
    """Select the promotions computed for these orders, whose keys are in the lines' breakdowns."""
    key = json_keys(db, _line.c.discount_breakdown)
    lines = _of_factory.join(_line, _line.c.order_id == _order.c.id).join(key, true())
    rows = lines.join(_promotion, cast(_promotion.c.id, String) == key.c.key)
    return (
        select(_promotion.c.id, _order.c.id.label("order_id"))
        .select_from(rows)
        .where(mine, _factory.c.apply_promotions)
        .where(_line.c.item_type.in_([*SHIPPABLE, ItemType.SHIPMENTS]))
    )


def _add_uses(
    db: Connection,
    table: Table,
    count: ColumnElement[int],
    uses: Uses,
    now: datetime,
    *,
    each: int,
) -> None:
    of_orders = uses.subquery("of_orders")
    used = select(of_orders.c.id, (each * func.count()).label("times"))
    used_up = used.group_by(of_orders.c.id).subquery("used")
    lock_rows(db, table, select(used_up.c.id))
    # The shop may have lowered the count meanwhile, so stop at zero.
    sum_ = count + used_up.c.times
    values = {count: case((sum_ > 0, sum_), else_=0), table.c.updated_at: NOW}
    db.execute(update(table).where(table.c.id == used_up.c.id).values(values), {"now": now})
