"""Finding everything that is wrong with the orders of a batch, before anything is copied."""

from sqlalchemy import Connection, and_, exists, false, not_, or_, select, update

from models import CopyError
from tasks.addresses import check_addresses
from tasks.batch import Batch
from tasks.catalogue import find_notable_skus
from tasks.customers import check_customers
from tasks.line_checks import check_line_items
from tasks.line_sums import subtract_what_does_not_ship, sum_lines, sum_remaining_lines
from tasks.promotions.asked import find_asked
from tasks.promotions.coupons import check_coupons, find_coupons
from tasks.promotions.leaving_out import leave_promotions_out
from tasks.promotions.uses import contest_uses, lock_limited, record_used_up
from tasks.promotions.work_tables import open_promotion_tables
from tasks.steps import step
from tasks.stock import check_stock, lock_wanted_stock
from tasks.wallets import check_wallets
from tasks.work_tables import copies, left_out_lines, line_sums


@step(name="check orders", field="source_order")
def check_orders(db: Connection, batch: Batch) -> int:
    """Record all that is wrong, and mark the copies that will not be made; how many errors.

    One run tells everything: no check stops because of what another has found.
    """
    if not batch.read_ahead:
        sum_lines(db)
    lock_wanted_stock(db)
    asked = find_asked(db)
    if any(asked):
        open_promotion_tables(db)
    if asked.promotions:
        leave_promotions_out(db)
    if not batch.read_ahead:
        find_notable_skus(db)
    subtract_what_does_not_ship(db)
    found = check_customers(db)
    found += check_addresses(db)
    found += check_line_items(db, refresh_prices=asked.prices)
    found += check_wallets(db, batch.started_at)
    checks_coupons = asked.coupons and find_coupons(db)
    if checks_coupons or asked.promotions:
        lock_limited(db, batch.started_at)
    if checks_coupons:
        found += check_coupons(db, batch.started_at)
        contested = contest_uses(db) > 0
        found += check_stock(db, contested_already=contested)
        found += record_used_up(db)
    else:
        found += check_stock(db)
    if (found or any(asked)) and db.scalar(select(exists().select_from(left_out_lines))):
        found += sum_remaining_lines(db)
    if found:
        mark_unsound(db)
    return found


def mark_unsound(db: Connection) -> None:
    """A copy with errors is not made; with `skip_errors` only one that has no line left is not."""
    wrong = exists().where(CopyError.order_factory_id == copies.c.factory_id)
    has_lines = exists().where(line_sums.c.factory_id == copies.c.factory_id)
    refused = or_(and_(not_(copies.c.skip_errors), wrong), not_(has_lines))
    db.execute(update(copies).values(sound=false()).where(refused))
