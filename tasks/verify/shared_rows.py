"""Rows that belong to exactly one order."""

from typing import Any

from sqlalchemy import Column, Select, Table, func, null, select, union_all

from order_factory.models.tables import Order
from order_factory.tasks.working_set.statements import table_of

_order = table_of(Order)


def find_shared_rows(*references: Column[Any]) -> Select[Any]:
    """Select rows that a target order and another order refer to in these columns."""
    uses = union_all(
        *(
            select(reference.label("id"), _order.c.id.label("order_id"), _order.c.order_factory_id)
            for reference in references
        )
    ).subquery("uses")
    is_shared = func.min(uses.c.order_id) != func.max(uses.c.order_id)
    is_of_target = func.max(uses.c.order_factory_id).is_not(None)
    rows = select(uses.c.id).where(uses.c.id.is_not(None))
    return rows.group_by(uses.c.id).having(is_shared, is_of_target)


def find_unused_rows(copies: Table, *references: Column[Any]) -> Select[Any]:
    """Select copied rows of a table to which none of these columns of `orders` refers."""
    copied_rows = select(copies.c.id, null().label("order_id")).where(
        copies.c.copied_from_id.is_not(None)
    )
    used = (select(reference, _order.c.id) for reference in references)
    both = union_all(copied_rows, *used).subquery("both")
    rows = select(both.c.id).where(both.c.id.is_not(None))
    return rows.group_by(both.c.id).having(func.count(both.c.order_id) == 0)
