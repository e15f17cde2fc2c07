"""The amounts of target orders whose lines differ from their source's in value."""

from sqlalchemy import ColumnElement, Update, not_, update

from order_factory.models.tables import Order
from order_factory.tasks.working_set.line_totals import select_line_sums
from order_factory.tasks.working_set.order_amounts import (
    SUMS,
    calculate_discount,
    calculate_total_with_taxes,
)
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import copies


def recalculate_totals(*which: ColumnElement[bool]) -> Update:
    """Set the amounts of these valid copies' target orders to the sums of their lines."""
    target = table_of(Order)
    sums = select_line_sums(copies.c.target_order_id).where(
        copies.c.valid, not_(copies.c.merges), *which
    )
    rows = sums.add_columns(copies.c.target_order_id).group_by(copies.c.target_order_id)
    totals = rows.subquery("of").c
    return (
        update(target)
        .where(target.c.id == totals.target_order_id)
        .values(
            **{name: totals[name] for name in SUMS},
            discount_amount_cents=calculate_discount(totals),
            total_amount_with_taxes_cents=calculate_total_with_taxes(totals, target.c.tax_included),
        )
    )
