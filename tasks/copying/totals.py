"""The amounts of target orders whose lines are not worth what their source's were."""

from sqlalchemy import ColumnElement, Update, case, update

from order_factory.models.tables import Order
from order_factory.tasks.working_set.line_totals import select_line_sums
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import copies, line_sums


def recalculate_totals(*which: ColumnElement[bool]) -> Update:
    """The amounts of the targets of these valid copies are the sums of their lines."""
    target = table_of(Order)
    sums = select_line_sums(copies.c.target_order_id).where(copies.c.valid, *which)
    rows = sums.add_columns(copies.c.target_order_id).group_by(copies.c.target_order_id)
    of = rows.subquery("of").c
    parts = (
        of.subtotal_amount_cents
        + of.shipping_amount_cents
        + of.payment_method_amount_cents
        + of.adjustment_amount_cents
        - of.gift_card_amount_cents
    )
    tax = case((target.c.tax_included, 0), else_=of.total_tax_amount_cents)
    names = [name for name in line_sums.c.keys() if name.endswith("_amount_cents")]  # noqa: SIM118
    return (
        update(target)
        .where(target.c.id == of.target_order_id)
        .values(
            **{name: of[name] for name in names},
            discount_amount_cents=of.total_amount_cents - parts,
            total_amount_with_taxes_cents=of.total_amount_cents + tax,
        )
    )
