"""Convert the discounts of a source order for the items of an automatic subscription."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, case, func, literal, select

from order_factory.models.tables import LineItem, OrderSubscriptionItem
from order_factory.models.values.statuses import SHIPPABLE
from order_factory.tasks.working_set.changed_amounts import SPLIT_DISCOUNTS, split_discount
from order_factory.tasks.working_set.statements import (
    at,
    copied_columns,
    insert_counted,
    table_of,
    times,
)

_line, _item = table_of(LineItem), table_of(OrderSubscriptionItem)


def insert_discount_lines(
    db: Connection, source_order_id: int, subscription_id: int, template: int, now: datetime
) -> None:
    """Insert the template's share of each discount of the source order.

    A percentage stays that percentage of the items. Any other discount is split by quantity: fewer
    pieces get their share, and more pieces get no more. A discount that needed a coupon is left
    out, because the coupon was for the source order only.
    """
    is_of_source = _line.c.order_id == source_order_id
    goods = (is_of_source, _line.c.item_type.in_(SHIPPABLE), _line.c.total_amount_cents > 0)
    goods_cents = db.scalar(
        select(func.coalesce(func.sum(_line.c.total_amount_cents), 0)).where(*goods)
    )
    if not goods_cents:
        return
    costs = (
        literal(cents, BigInteger()) for cents in (*_read_costs(db, subscription_id), goods_cents)
    )
    share = split_discount(_line.c.item_type, _line.c.total_amount_cents, *costs)
    values: dict[str, ColumnElement[Any]] = {
        **{column.key: column for column in copied_columns(LineItem, "order_id")},
        "order_id": literal(template),
        "quantity": literal(1),
        "unit_amount_cents": share,
        "total_amount_cents": share,
        **times(at(now)),
    }
    rows = select(*values.values()).where(
        is_of_source,
        _line.c.item_type.in_(SPLIT_DISCOUNTS),
        _line.c.total_amount_cents < 0,
        _line.c.coupon_code.is_(None),
        share != 0,
    )
    db.execute(insert_counted(_line, list(values), rows.order_by(_line.c.id)))


def _read_costs(db: Connection, subscription_id: int) -> tuple[int, int]:
    """Return the cost of the items now, and of their pieces in the source order, in cents."""
    pieces_kept = case(
        (_item.c.quantity < _line.c.quantity, _item.c.quantity), else_=_line.c.quantity
    )
    rows = select(
        _item.c.total_amount_cents, _line.c.total_amount_cents, pieces_kept, _line.c.quantity
    ).join(_line, _line.c.id == _item.c.source_line_item_id)
    amounts = db.execute(rows.where(_item.c.order_subscription_id == subscription_id)).all()
    now_cents = sum(row[0] for row in amounts)
    return now_cents, sum(total * pieces // quantity for _, total, pieces, quantity in amounts)
