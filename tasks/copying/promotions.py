"""Today's promotions on request, and the usage counts of coupons and promotions."""

from sqlalchemy import Connection, and_, or_

from order_factory.tasks.copying.totals import recalculate_totals
from order_factory.tasks.promotions.candidates import find_discountable_lines, grant_promotions
from order_factory.tasks.promotions.discounts import (
    compute_shares,
    insert_discounts,
    update_discounted_lines,
)
from order_factory.tasks.promotions.uses import increase_usage_counts
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import select_any_copy
from order_factory.tasks.working_set.statements import execute_and_count
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import copies

_applies = and_(copies.c.valid, copies.c.apply_promotions)
_uses_coupon = and_(copies.c.valid, copies.c.coupon_code != "")


@step(
    name="apply promotions",
    field="line_items",
    needed=select_any_copy(or_(_applies, _uses_coupon)),
    errors=("coupon_code",),
    idle="No promotion is to be applied, and no coupon is used.",
)
def apply_promotions(db: Connection, batch: Batch) -> int:
    """Apply today's promotions where requested. Returns the number of discount lines.

    Every use of a coupon or promotion is counted.
    """
    discounts = 0
    if db.scalar(select_any_copy(_applies)):
        find_discountable_lines(db)
        grant_promotions(db, batch.started_at)
        compute_shares(db)
        discounts = execute_and_count(db, insert_discounts(), now=batch.started_at)
        db.execute(update_discounted_lines(db))
        db.execute(recalculate_totals(copies.c.apply_promotions))
    increase_usage_counts(db, batch.started_at)
    return discounts
