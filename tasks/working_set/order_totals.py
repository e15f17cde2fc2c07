"""The amounts and the status of an order whose lines change."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, or_, select, update

from order_factory.models.tables import LineItem, Order
from order_factory.models.tables.base import utc_now
from order_factory.models.values.order_states import changed
from order_factory.models.values.statuses import DISCOUNTS, PURCHASABLE, ItemType, OrderStatus
from order_factory.tasks.working_set.statements import table_of

_order, _line = table_of(Order), table_of(LineItem)
_NOT_YET = (OrderStatus.DRAFT, OrderStatus.PENDING)


def update_order_totals(db: Connection, order_id: int | ColumnElement[int]) -> None:
    """Set the order's amounts to the sums of its lines, in cents, and update its status.

    With a customer and a line that can be bought, a draft becomes `pending`. Without one of them,
    a pending order becomes a draft again.
    """
    mine = _line.c.order_id == _order.c.id
    sums = {name: _sum(mine, condition, amount) for name, (condition, amount) in _parts().items()}
    buys = select(func.count()).where(mine, _bought(), _line.c.quantity > 0).scalar_subquery() > 0
    has_customer = or_(_order.c.customer_id.is_not(None), _order.c.customer_email.is_not(None))
    not_yet = _order.c.status.in_(_NOT_YET)
    status = case(
        (and_(not_yet, has_customer, buys), changed(_order.c.status, OrderStatus.PENDING)),
        else_=changed(_order.c.status, OrderStatus.DRAFT),
    )
    tax = case((_order.c.tax_included, 0), else_=sums["total_tax_amount_cents"])
    db.execute(
        update(_order)
        .where(_order.c.id == order_id)
        .values(
            **sums,
            total_amount_with_taxes_cents=sums["total_amount_cents"] + tax,
            status=status,
            updated_at=utc_now(),
        )
    )


def _parts() -> dict[str, tuple[ColumnElement[bool] | None, ColumnElement[Any]]]:
    """Return for each amount its lines and the column that is added up."""
    kind, total = _line.c.item_type, _line.c.total_amount_cents
    return {
        "subtotal_amount_cents": (_bought(), total),
        "shipping_amount_cents": (kind == ItemType.SHIPMENTS, total),
        "payment_method_amount_cents": (kind == ItemType.PAYMENT_METHODS, total),
        "discount_amount_cents": (kind.in_(DISCOUNTS), total),
        "adjustment_amount_cents": (kind == ItemType.ADJUSTMENTS, total),
        "gift_card_amount_cents": (_redeemed(), -total),
        "total_tax_amount_cents": (None, _line.c.tax_amount_cents),
        "total_amount_cents": (None, total),
    }


def _sum(
    mine: ColumnElement[bool], condition: ColumnElement[bool] | None, amount: ColumnElement[Any]
) -> ColumnElement[int]:
    rows = select(func.coalesce(func.sum(amount), 0)).where(mine)
    return (rows if condition is None else rows.where(condition)).scalar_subquery()


def _redeemed() -> ColumnElement[bool]:
    return and_(_line.c.item_type == ItemType.GIFT_CARDS, _line.c.total_amount_cents < 0)


def _bought() -> ColumnElement[bool]:
    return and_(_line.c.item_type.in_(PURCHASABLE), not_(_redeemed()))
