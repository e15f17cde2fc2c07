"""The numbers of target orders, unique within the mode.

A number contains the order's key, because a counter would make all transactions wait for each
other. Orders that are rolled back leave gaps.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, String, case, cast, func, literal, select, update

from order_factory.models.tables import Order
from order_factory.tasks.working_set.statements import table_of

# Distinguishes these numbers from the shop's own.
PREFIX = "OF"
_order = table_of(Order)


def make_order_number(
    key: ColumnElement[int], mode: ColumnElement[Any], factory_id: ColumnElement[Any]
) -> ColumnElement[str]:
    """Return the number of the order with this key; a longer one if another order has it."""
    other = _order.alias("numbered")
    number = literal(PREFIX) + cast(key, String)
    # For an EXISTS, PostgreSQL would read all orders; this uses an index.
    same_number = select(other.c.id).where(other.c.mode == mode, other.c.number == number).limit(1)
    is_taken = same_number.scalar_subquery().is_not(None)
    longer = number + "-" + func.coalesce(cast(factory_id, String), "0")
    return case((is_taken, longer), else_=number)


def set_order_number(db: Connection, key: int) -> None:
    """Give the order a number unless it has one."""
    number = make_order_number(_order.c.id, _order.c.mode, _order.c.order_factory_id)
    statement = update(_order).where(_order.c.id == key, _order.c.number.is_(None))
    db.execute(statement.values(number=number))
