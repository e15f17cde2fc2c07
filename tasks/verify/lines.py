"""Line items: a target order has all lines of its source, once each and unchanged."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    not_,
    or_,
    select,
    union,
)

from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import SHIPPABLE, ItemType
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.verify.changed_lines import (
    has_wrong_change,
    has_wrong_discount,
    is_added,
    is_changed,
    is_changed_discount,
    is_dropped,
    requested_sku,
)
from order_factory.tasks.verify.changed_orders import is_other_currency
from order_factory.tasks.verify.gift_cards import is_redemption
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.merges import is_merged
from order_factory.tasks.verify.recomputed import (
    DISCOUNT,
    PRICES,
    STOCK_CODES,
    TAX,
    compute_reduced_total,
    has_unrequested_line_change,
    is_left_out_discount,
    is_new_discount,
    is_reduced,
    is_split_discount,
    split,
)
from order_factory.tasks.verify.rows import (
    KEPT_PARTS,
    copied,
    copy_error,
    differs,
    factory,
    has_error,
    is_unedited,
    line,
    line_rules,
    origin,
    parts_differ,
    target,
)
from order_factory.tasks.working_set.kept_parts import LINE_MARKS
from order_factory.tasks.working_set.line_rules import is_once

_lines = copied.join(line, line.c.order_id == target.c.id)
_lines_and_origins = _lines.join(origin, origin.c.id == line.c.copied_from_id)


def _find_missing_lines() -> Select[Any]:
    """Select the factory once per line of its source that its target lacks."""
    rows = copied.join(origin, origin.c.order_id == factory.c.source_order_id)
    is_copy_of = and_(line.c.order_id == target.c.id, line.c.copied_from_id == origin.c.id)
    skipped = and_(
        factory.c.skip_errors, has_error(or_(_is_error_about(origin), _is_shortage_of(origin)))
    )
    out_of_stock = has_error(
        copy_error.c.code.in_(STOCK_CODES), or_(_is_error_about(origin), _has_same_sku(origin))
    )
    is_partial = and_(factory.c.stock == StockPolicy.PARTIAL, out_of_stock)
    left_out = or_(
        skipped, is_partial, is_redemption(origin), is_once(origin, line_rules), is_dropped(origin)
    )
    return (
        select(factory.c.id)
        .select_from(rows.outerjoin(line, is_copy_of))
        .where(is_unedited(origin, target), line.c.id.is_(None))
        .where(not_(left_out), not_(is_left_out_discount(origin)))
    )


def _find_foreign_lines() -> Select[Any]:
    """Select copied lines in an order that is not the target of their source order."""
    rows = line.outerjoin(factory, factory.c.target_order_id == line.c.order_id)
    rows = rows.outerjoin(origin, origin.c.id == line.c.copied_from_id)
    foreign = origin.c.order_id.is_distinct_from(factory.c.source_order_id)
    return (
        select(line.c.id)
        .select_from(rows)
        .where(line.c.copied_from_id.is_not(None), or_(factory.c.id.is_(None), foreign))
        .where(not_(is_merged(line.c.order_id, origin.c.order_id)))
    )


def _find_lines_without_origin() -> Select[Any]:
    rows = select(line.c.id).select_from(_lines)
    return rows.where(
        is_unedited(target),
        line.c.copied_from_id.is_(None),
        not_(or_(is_new_discount(line), is_added(line))),
    )


def _find_once_lines() -> Select[Any]:
    rows = select(line.c.id).select_from(_lines_and_origins)
    return rows.where(is_unedited(line, origin), is_once(origin, line_rules))


def _find_repeated_lines() -> Select[Any]:
    rows = select(func.max(line.c.id)).where(line.c.copied_from_id.is_not(None))
    return rows.group_by(line.c.order_id, line.c.copied_from_id).having(func.count() > 1)


def _find_changed_lines(db: Connection) -> Select[Any]:
    rows = select(line.c.id).select_from(_lines_and_origins)
    reducible = ("quantity", "options_amount_cents")
    excluded = ("order_id", *KEPT_PARTS, *reducible, "currency_code")
    currency = case((not_(is_other_currency), origin.c.currency_code), else_=target.c.currency_code)
    frozen = or_(
        line.c.currency_code.is_distinct_from(currency),
        differs(line, origin, *excluded, *PRICES, *DISCOUNT, *TAX),
        parts_differ(db, line, origin, *LINE_MARKS),
    )
    changed = or_(frozen, has_unrequested_line_change(line, origin))
    changed = case(
        (is_changed(origin), has_wrong_change(line, origin)),
        (is_changed_discount(origin), or_(frozen, has_wrong_discount(line, origin))),
        (is_split_discount(origin), or_(frozen, _has_wrong_split())),
        else_=changed,
    )
    return rows.where(is_unedited(line, origin), changed, not_(is_redemption(origin)))


def _has_wrong_split() -> ColumnElement[bool]:
    """Whether the discount is not in proportion to the copied goods."""
    kept, whole = _sum_goods()
    share = split(origin.c.total_amount_cents, kept, whole)
    return case((whole > 0, line.c.total_amount_cents != share), else_=false())


def _sum_goods() -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Return two sums at the prices of the source order: its copied goods, and all its goods."""
    source_line, target_line = origin.alias("had"), line.alias("has")
    pieces = case(
        (is_reduced(target_line, source_line), target_line.c.quantity), else_=source_line.c.quantity
    )
    goods = (
        source_line.c.order_id == factory.c.source_order_id,
        source_line.c.item_type.in_(SHIPPABLE),
        source_line.c.total_amount_cents > 0,
    )
    cents = case(
        (source_line.c.quantity > 0, compute_reduced_total(source_line, pieces)),
        else_=source_line.c.total_amount_cents,
    )
    copied_cents = select(func.coalesce(func.sum(cents), 0)).select_from(
        source_line.join(target_line, target_line.c.copied_from_id == source_line.c.id)
    )
    copied_cents = copied_cents.where(*goods, target_line.c.order_id == factory.c.target_order_id)
    total = select(func.coalesce(func.sum(source_line.c.total_amount_cents), 0)).where(*goods)
    return (
        cast(copied_cents.correlate(factory).scalar_subquery(), BigInteger),
        cast(total.correlate(factory).scalar_subquery(), BigInteger),
    )


def _find_copied_lines_with_errors() -> Select[Any]:
    rows = copy_error.join(factory, factory.c.id == copy_error.c.order_factory_id)
    with_own_error = rows.join(
        line,
        and_(
            line.c.order_id == factory.c.target_order_id,
            line.c.copied_from_id == copy_error.c.line_item_id,
        ),
    )
    of_short_skus = rows.join(line, line.c.order_id == factory.c.target_order_id)
    lines = union(
        select(line.c.id).select_from(with_own_error),
        select(line.c.id)
        .select_from(of_short_skus)
        .where(_is_shortage_of(line), is_unedited(line)),
    )
    return select(lines.subquery().c.id)


def _find_empty_lines() -> Select[Any]:
    return select(line.c.id).select_from(_lines).where(is_unedited(line), line.c.quantity < 1)


def _is_error_about(source_line: FromClause) -> ColumnElement[bool]:
    return copy_error.c.line_item_id == source_line.c.id


def _is_shortage_of(line_row: FromClause) -> ColumnElement[bool]:
    """Whether the error reports a shortage of the line's SKU.

    Such an error is about all lines of a SKU together.
    """
    return and_(
        copy_error.c.code == ErrorCode.NOT_ENOUGH_STOCK,
        _has_same_sku(line_row),
    )


def _has_same_sku(line_row: FromClause) -> ColumnElement[bool]:
    is_its_code = or_(
        copy_error.c.sku_code == line_row.c.sku_code,
        copy_error.c.sku_code == requested_sku(line_row),
    )
    return and_(line_row.c.item_type == ItemType.SKUS, is_its_code)


INVARIANTS = (
    Invariant(
        "lines-complete",
        "A target order has every line of its source, except for lines that skip_errors, partial "
        "stock or quantities left out, discounts that its options left out, once lines, and lines "
        "of gift cards.",
        Resource.order_factories,
        _find_missing_lines(),
    ),
    Invariant(
        "lines-from-own-source",
        "A copied line is in a target order and comes from a line of that order's source, or of an "
        "order that was merged into its order.",
        Resource.line_items,
        _find_foreign_lines(),
    ),
    Invariant(
        "lines-have-an-origin",
        "Every line of a target order refers to the line from which it was copied, unless it is a "
        "recomputed promotion or was added.",
        Resource.line_items,
        _find_lines_without_origin(),
    ),
    Invariant(
        "lines-copied-once",
        "No line was copied twice into one order.",
        Resource.line_items,
        _find_repeated_lines(),
    ),
    Invariant(
        "once-lines-left-out",
        "No line was copied if its metadata says that it must not be repeated.",
        Resource.line_items,
        _find_once_lines(),
    ),
    Invariant(
        "line-columns",
        "A copied line equals its original, except for what the copy's options recompute or leave "
        "out; with fewer pieces, its amounts are split in proportion.",
        Resource.line_items,
        _find_changed_lines,
    ),
    Invariant(
        "wrong-lines-left-out",
        "No line with an error was copied.",
        Resource.line_items,
        _find_copied_lines_with_errors(),
    ),
    Invariant(
        "quantities-above-zero",
        "No line of a target order has a quantity below one.",
        Resource.line_items,
        _find_empty_lines(),
    ),
)
