"""What the targets are worth in the end: prices, promotions, and the orders' amounts."""

from sqlalchemy import Connection, Update, case, update

from order_factory.models.tables import Order
from order_factory.tasks.copying.prices import update_metadata, update_prices
from order_factory.tasks.promotions.asked import is_worked_out
from order_factory.tasks.promotions.candidates import find_discountable_lines, grant_promotions
from order_factory.tasks.promotions.discounts import (
    compute_shares,
    insert_discounts,
    update_discounted_lines,
)
from order_factory.tasks.promotions.uses import raise_usage_counts
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import some_copy
from order_factory.tasks.working_set.line_totals import sums_of
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import copies, line_sums

_SOME_WORKED_OUT = some_copy(is_worked_out)


def settle_amounts(db: Connection, batch: Batch) -> None:
    """Give the targets today's prices and promotions where asked for, and add them up again.

    Every use of a coupon and of a promotion is counted.
    """
    if db.scalar(_SOME_WORKED_OUT):
        _work_out(db, batch)
    raise_usage_counts(db, batch.started_at)


def _work_out(db: Connection, batch: Batch) -> None:
    db.execute(update_prices())
    db.execute(update_metadata(db))
    find_discountable_lines(db)
    grant_promotions(db, batch.started_at)
    compute_shares(db)
    execute_and_count(db, insert_discounts(), now=batch.started_at)
    db.execute(update_discounted_lines(db))
    db.execute(_update_orders())


def _update_orders() -> Update:
    """The amounts of the targets are the sums of their lines."""
    target = table_of(Order)
    sums = sums_of(copies.c.target_order_id).where(is_worked_out)
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
