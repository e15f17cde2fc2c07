"""The check: it finds everything that is wrong with the orders before anything is copied."""

from collections.abc import Iterator

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    update,
)

from order_factory.models.database.row_locks import locks_whole_database
from order_factory.models.tables import CopyError, LineItem
from order_factory.models.values.copy_options import CHANGES
from order_factory.tasks.copying.addresses import check_addresses
from order_factory.tasks.copying.changed_lines import find_changed_lines
from order_factory.tasks.copying.changed_orders import change_orders
from order_factory.tasks.copying.customers import check_customers
from order_factory.tasks.copying.line_item_checks import check_line_items
from order_factory.tasks.copying.merging import prepare_merges
from order_factory.tasks.copying.needs import find_needs
from order_factory.tasks.copying.source_checks import BARRED_CODES, check_sources
from order_factory.tasks.copying.wallets import check_wallets
from order_factory.tasks.gift_cards.redemptions import (
    divide_balances,
    find_redemptions,
    lock_gift_cards,
    record_redemptions,
    refuse_redemptions,
)
from order_factory.tasks.promotions.coupons import check_coupons, find_coupons
from order_factory.tasks.promotions.leaving_out import leave_promotions_out
from order_factory.tasks.promotions.tables import open_promotion_tables
from order_factory.tasks.promotions.uses import contest_uses, lock_limited, record_used_up
from order_factory.tasks.stock.availability import check_stock, lock_wanted_stock
from order_factory.tasks.stock.bundles import find_bundle_parts
from order_factory.tasks.stock.catalogue import flag_skus
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import has_fatal_error
from order_factory.tasks.working_set.line_totals import (
    is_left_out,
    leave_once_lines_out,
    record_line_rules,
    subtract_unshipped_lines,
    sum_lines,
    sum_remaining_lines,
)
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import (
    changed_lines,
    copies,
    flagged_skus,
    left_out_lines,
    line_sums,
)

_SOME_FLAGGED = select(exists().select_from(flagged_skus))
_SOME_LEFT_OUT = select(exists().select_from(left_out_lines))


@step(name="check orders", field="source_order", errors=None)
def check_orders(db: Connection, batch: Batch) -> int:
    """Record all errors, and mark the copies that fail. Returns the number of errors.

    All checks run, even after errors, so one run reports everything. Stock, gift
    cards, promotions and coupons are locked first, until the commit. The temporary tables get what
    the later steps need: line totals, flagged SKUs, today's prices, and the lines to leave out.
    """
    if not batch.prefetched:
        sum_lines(db)
    needs = find_needs(db)
    error_count = check_sources(db) if needs.sources else 0
    if needs.orders:
        error_count += change_orders(db)
        needs = find_needs(db)
    if needs.line_rules:
        record_line_rules(db)
    if needs.changes:
        error_count += find_changed_lines(db)
    if needs.merges:
        error_count += prepare_merges(db)
        needs = find_needs(db)
    # Prefetched orders contain no bundles.
    bundles = not batch.prefetched and find_bundle_parts(db)
    locked = lock_wanted_stock(db) if needs.stock else 0
    if needs.gift_cards:
        lock_gift_cards(db)
    if needs.coupons or needs.promotions or needs.prices:
        open_promotion_tables(db)
    if needs.promotions:
        leave_promotions_out(db)
    if needs.once_lines:
        leave_once_lines_out(db)
    if batch.prefetched:
        flagged = bool(db.scalar(_SOME_FLAGGED))
    else:
        flagged = flag_skus(db, more=bundles or needs.changes) > 0
    if flagged:
        subtract_unshipped_lines(db)
    if needs.gift_cards:
        find_redemptions(db, batch.started_at)
    error_count += check_customers(db) if needs.customers else 0
    error_count += check_addresses(
        db, missing=needs.missing_addresses, locked=needs.locked_addresses
    )
    error_count += check_line_items(
        db,
        lines=needs.lines,
        flagged=flagged,
        refresh_prices=needs.prices,
        promotions=needs.promotions,
        bundles=bundles,
        changed=needs.changes,
        currencies=needs.orders,
    )
    if error_count or any(needs):
        mark_uncopyable(db)
    if needs.gift_cards:
        error_count += refuse_redemptions(db, batch.started_at)
    error_count += check_wallets(db, batch.started_at, foreign=needs.foreign_wallets)
    checks_coupons = needs.coupons and find_coupons(db)
    if checks_coupons or needs.promotions:
        lock_limited(db, batch.started_at)
    if checks_coupons:
        error_count += check_coupons(db, batch.started_at)
        error_count += check_stock(db, with_limits=contest_uses(db) > 0)
        error_count += record_used_up(db)
    elif flagged:
        error_count += check_stock(db)
    if (error_count or any(needs)) and db.scalar(_SOME_LEFT_OUT):
        error_count += sum_remaining_lines(db)
    if error_count:
        mark_invalid(db)
    if needs.gift_cards:
        divide_balances(db)
        error_count += record_redemptions(db, batch.started_at)
    if batch.followed:
        batch.notes.extend(_notes(db, locked, limits=checks_coupons or needs.promotions))
    return error_count


def _notes(db: Connection, stock_items: int, *, limits: bool) -> Iterator[str]:
    """Return the notes for the run's page: what is locked, and what the later steps get."""
    if locks_whole_database(db):
        yield "Locked: the database."
    else:
        locked = [f"stock items: {stock_items:,}"] * (stock_items > 0)
        locked += ["limited promotions and coupons"] * limits
        yield f"Locked: {', '.join(['the order factories', *locked])}."
    noted = {
        "lines to copy": db.scalar(select(func.sum(line_sums.c.lines))),
        "unusual SKUs": db.scalar(select(func.count()).select_from(flagged_skus)),
        "lines to leave out": db.scalar(select(func.count()).select_from(left_out_lines)),
    }
    yield f"Noted: {', '.join(f'{what}: {count or 0:,}' for what, count in noted.items())}."


def mark_uncopyable(db: Connection) -> None:
    """Mark the copies that fail in any case, so that they take no stock, coupon or gift card.

    Their source order must not be copied, or it has no line that can be copied.
    """
    line = table_of(LineItem)
    remaining = exists().where(line.c.order_id == copies.c.source_order_id, not_(is_left_out()))
    changed = exists().where(changed_lines.c.factory_id == copies.c.factory_id)
    has_some = or_(remaining.correlate(copies), changed.correlate(copies))
    fails_anyway = or_(_is_barred(), not_(has_some))
    db.execute(update(copies).values(valid=false()).where(fails_anyway))


def mark_invalid(db: Connection) -> None:
    """Mark the copies that have errors as not valid.

    With `skip_errors`, a copy fails only if it has no line left, if its source order must not be
    copied, or if its changes cannot be made. With `stock = partial`, stock errors do not count.
    """
    has_lines = exists().where(line_sums.c.factory_id == copies.c.factory_id)
    fails = and_(not_(copies.c.skip_errors), has_fatal_error())
    fails_anyway = or_(fails, _is_barred(), not_(has_lines))
    db.execute(update(copies).values(valid=false()).where(fails_anyway))


def _is_barred() -> ColumnElement[bool]:
    return exists().where(
        CopyError.order_factory_id == copies.c.factory_id,
        or_(CopyError.code.in_(BARRED_CODES), CopyError.field.in_(CHANGES)),
    )
