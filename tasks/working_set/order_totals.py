"""The amounts and the status of an order after its lines changed."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

from order_factory.models.tables import LineItem, Order
from order_factory.models.tables.base import utc_now
from order_factory.models.values.order_states import new_status
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.working_set.order_amounts import (
    IS_BOUGHT,
    LINES_OF_PARTS,
    calculate_part,
    calculate_total_with_taxes,
)
from order_factory.tasks.working_set.statements import table_of

_order, _line = table_of(Order), table_of(LineItem)
_NOT_PLACED = (OrderStatus.DRAFT, OrderStatus.PENDING)


def _update_totals(db: Connection, which: ColumnElement[bool]) -> None:
    of_order = _line.c.order_id == _order.c.id
    sums = _sums(of_order)
    has_purchasable_line = (
        select(func.count()).where(of_order, IS_BOUGHT, _line.c.quantity > 0).scalar_subquery() > 0
    )
    has_customer = or_(_order.c.customer_id.is_not(None), _order.c.customer_email.is_not(None))
    is_not_placed = _order.c.status.in_(_NOT_PLACED)
    status = case(
        (
            and_(is_not_placed, has_customer, has_purchasable_line),
            new_status(_order.c.status, OrderStatus.PENDING),
        ),
        else_=new_status(_order.c.status, OrderStatus.DRAFT),
    )
    db.execute(
        update(_order)
        .where(which)
        .values(
            **sums,
            total_amount_with_taxes_cents=calculate_total_with_taxes(sums, _order.c.tax_included),
            status=status,
            updated_at=utc_now(),
        )
    )


def update_order_totals(db: Connection, order_id: int | ColumnElement[int]) -> None:
    """Set the order's amounts to the sums of its lines, in cents, and update its status.

    With a customer and a line that can be bought, a draft becomes `pending`. Without one of them,
    a pending order becomes a draft again.
    """
    _update_totals(db, _order.c.id == order_id)


def update_totals_of(db: Connection, orders: Select[tuple[int]]) -> None:
    """The same for these orders."""
    _update_totals(db, _order.c.id.in_(orders))


def select_differing_orders(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select these columns of the orders whose amounts differ from the sums of their lines.

    The sums follow, each named `lines_` and the order's amount. The total is always compared. The
    other amounts are compared unless they are 0, which may mean that the amount is unknown.
    """
    sums: dict[str, ColumnElement[int]] = {
        name: _sum_of_group(case((lines, calculate_part(name)), else_=0))
        for name, lines in LINES_OF_PARTS.items()
    }
    sums["total_tax_amount_cents"] = _sum_of_group(_line.c.tax_amount_cents)
    sums["total_amount_cents"] = _sum_of_group(_line.c.total_amount_cents)
    sums["total_amount_with_taxes_cents"] = calculate_total_with_taxes(sums, _order.c.tax_included)
    differs = [
        and_(
            _order.c[name] != amount,
            or_(_order.c[name] != 0, literal(name == "total_amount_cents")),
        )
        for name, amount in sums.items()
    ]
    return (
        select(*columns, *(amount.label(f"lines_{name}") for name, amount in sums.items()))
        .select_from(_order.outerjoin(_line, _line.c.order_id == _order.c.id))
        .group_by(_order.c.id)
        .having(or_(*differs))
    )


def _sum_of_group(amount: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(func.sum(amount), 0)


def _sums(of_order: ColumnElement[bool]) -> dict[str, ColumnElement[int]]:
    """Return each amount but the total with taxes, added up from these lines."""
    sums = {
        name: _sum(calculate_part(name), of_order, lines) for name, lines in LINES_OF_PARTS.items()
    }
    return sums | {
        "total_tax_amount_cents": _sum(_line.c.tax_amount_cents, of_order),
        "total_amount_cents": _sum(_line.c.total_amount_cents, of_order),
    }


def _sum(amount: ColumnElement[Any], *lines: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.coalesce(func.sum(amount), 0)).where(*lines).scalar_subquery()
