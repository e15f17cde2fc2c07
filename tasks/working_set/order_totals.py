"""The amounts and the status of an order whose lines change."""

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
    calculate_total_with_taxes,
    cents_of_part,
)
from order_factory.tasks.working_set.statements import table_of

_order, _line = table_of(Order), table_of(LineItem)
_NOT_YET = (OrderStatus.DRAFT, OrderStatus.PENDING)


def update_order_totals(db: Connection, order_id: int | ColumnElement[int]) -> None:
    """Set the order's amounts to the sums of its lines, in cents, and update its status.

    With a customer and a line that can be bought, a draft becomes `pending`. Without one of them,
    a pending order becomes a draft again.
    """
    mine = _line.c.order_id == _order.c.id
    sums = _sums(mine)
    buys = select(func.count()).where(mine, IS_BOUGHT, _line.c.quantity > 0).scalar_subquery() > 0
    has_customer = or_(_order.c.customer_id.is_not(None), _order.c.customer_email.is_not(None))
    not_yet = _order.c.status.in_(_NOT_YET)
    status = case(
        (and_(not_yet, has_customer, buys), new_status(_order.c.status, OrderStatus.PENDING)),
        else_=new_status(_order.c.status, OrderStatus.DRAFT),
    )
    db.execute(
        update(_order)
        .where(_order.c.id == order_id)
        .values(
            **sums,
            total_amount_with_taxes_cents=calculate_total_with_taxes(sums, _order.c.tax_included),
            status=status,
            updated_at=utc_now(),
        )
    )


def select_differing_orders(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select the orders that are not worth what their lines are, with these columns of theirs.

    After them come the sums of the lines, each under the name of the order's amount. The total is
    always compared, and any other amount where the order has one: 0 may mean that none was given.
    """
    sums: dict[str, ColumnElement[int]] = {
        name: _sum_of_group(case((lines, cents_of_part(name)), else_=0))
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


def _sums(mine: ColumnElement[bool]) -> dict[str, ColumnElement[int]]:
    """Return each amount but the total with taxes, added up from these lines."""
    sums = {name: _sum(cents_of_part(name), mine, lines) for name, lines in LINES_OF_PARTS.items()}
    return sums | {
        "total_tax_amount_cents": _sum(_line.c.tax_amount_cents, mine),
        "total_amount_cents": _sum(_line.c.total_amount_cents, mine),
    }


def _sum(amount: ColumnElement[Any], *lines: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.coalesce(func.sum(amount), 0)).where(*lines).scalar_subquery()
