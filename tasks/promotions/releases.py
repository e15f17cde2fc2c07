"""The uses of coupons and promotions: release them, and count them again for a retry."""

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
_Counter = tuple[Table, ColumnElement[int], Uses]

_order, _factory, _line = table_of(Order), table_of(OrderFactory), table_of(LineItem)
_coupon, _promotion = table_of(Coupon), table_of(Promotion)
_of_factory = _order.join(_factory, _factory.c.id == _order.c.order_factory_id)
_its_coupon = and_(
    _coupon.c.mode == _order.c.mode,
    _coupon.c.code_key == _order.c.coupon_code_key,
    # A coupon created after the order was not counted.
    _coupon.c.created_at <= _order.c.created_at,
)
# Whether the order's uses are counted. An order that has to be placed counts once it is placed.
has_uses = or_(_order.c.placed_at.is_not(None), ~_factory.c.place_target_order)


def release_uses(
    db: Connection, orders: Orders, now: datetime, which: ColumnElement[bool] | None = None
) -> None:
    """Subtract these orders' uses from the counts of their coupons and promotions.

    Call once per order, in the transaction that declines or cancels it, or finds that it cannot be
    placed. `which` selects among the orders.
    """
    condition = and_(_order.c.id.in_(orders), true() if which is None else which)
    if _use_something(db, condition):
        for table, count, uses in _list_counters(db, condition):
            _add_uses(db, table, count, uses, now, each=-1)


def count_uses_again(db: Connection, orders: Orders, now: datetime) -> None:
    """Count the uses of these orders again: the opposite of `release_uses`.

    The limits must have been checked in the same transaction.
    """
    condition = _order.c.id.in_(orders)
    if _use_something(db, condition):
        for table, count, uses in _list_counters(db, condition):
            _add_uses(db, table, count, uses, now, each=1)


def select_promotions_of(db: Connection, orders: Orders) -> CompoundSelect[tuple[int, int]]:
    """Select the promotions that these orders use: those of their coupon, and those applied."""
    return _promotions(db, _order.c.id.in_(orders))


def _use_something(db: Connection, condition: ColumnElement[bool]) -> bool:
    uses_some = or_(_order.c.coupon_code != "", _factory.c.apply_promotions)
    return bool(db.scalar(select(exists().select_from(_of_factory).where(condition, uses_some))))


def _list_counters(db: Connection, condition: ColumnElement[bool]) -> list[_Counter]:
    """Return what counts these orders: table, count column, and a row per use; promotions first."""
    coupons = select(_coupon.c.id, _order.c.id.label("order_id"))
    coupons = coupons.select_from(_of_factory.join(_coupon, _its_coupon)).where(condition)
    return [
        (_promotion, _promotion.c.total_usage_count, _promotions(db, condition)),
        (_coupon, _coupon.c.usage_count, coupons),
    ]


def _promotions(db: Connection, condition: ColumnElement[bool]) -> CompoundSelect[tuple[int, int]]:
    by_coupon = select(_coupon.c.promotion_id.label("id"), _order.c.id.label("order_id"))
    by_coupon = by_coupon.select_from(_of_factory.join(_coupon, _its_coupon)).where(condition)
    return union(by_coupon, _computed(db, condition))


def _computed(db: Connection, condition: ColumnElement[bool]) -> Select[tuple[int, int]]:
    """Select the promotions computed for these orders, whose keys are in the lines' breakdowns."""
    key = json_keys(db, _line.c.discount_breakdown)
    lines = _of_factory.join(_line, _line.c.order_id == _order.c.id).join(key, true())
    rows = lines.join(_promotion, cast(_promotion.c.id, String) == key.c.key)
    return (
        select(_promotion.c.id, _order.c.id.label("order_id"))
        .select_from(rows)
        .where(condition, _factory.c.apply_promotions)
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
    changes = used.group_by(of_orders.c.id).subquery("used")
    lock_rows(db, table, select(changes.c.id))
    # The shop may have lowered the count meanwhile, so stop at zero.
    sum_ = count + changes.c.times
    values = {count: case((sum_ > 0, sum_), else_=0), table.c.updated_at: NOW}
    db.execute(update(table).where(table.c.id == changes.c.id).values(values), {"now": now})
