"""Changed lines: they differ from the source as the options request, to the cent."""

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
    func,
    not_,
    or_,
    select,
    true,
    union,
)

from order_factory.models.database.dialects import json_members, json_text
from order_factory.models.tables import LineItemOption
from order_factory.models.values.copy_options import LINE_CHANGES
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import DISCOUNTS, SHIPPABLE, ItemType
from order_factory.tasks.verify.changed_orders import is_other_currency
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.recomputed import DISCOUNT, PRICES, TAX, is_discountable, split
from order_factory.tasks.verify.rows import (
    KEPT_PARTS,
    copied,
    copy_error,
    differs,
    differs_in,
    factory,
    has_error,
    is_unedited,
    line,
    line_rules,
    origin,
    target,
)
from order_factory.tasks.working_set.line_rules import is_recomputed
from order_factory.tasks.working_set.statements import table_of

_OF_SKU = ("sku_code", "name", "image_url")
_UNSPLIT = (ItemType.FREE_SHIPPING_PROMOTIONS, ItemType.FREE_GIFT_PROMOTIONS)
_option = table_of(LineItemOption)

has_changed_lines = or_(*(factory.c[name].is_not(None) for name in LINE_CHANGES))


def requested_quantity(source_line: FromClause) -> ColumnElement[int]:
    """Return the requested quantity of the source line, or null if the options have none."""
    code = func.coalesce(source_line.c.sku_code, source_line.c.bundle_code)
    return cast(json_text(factory.c.quantities, code), BigInteger)


def requested_sku(source_line: FromClause) -> ColumnElement[str]:
    """Return the SKU that replaces that of the source line, or null if none does."""
    return json_text(factory.c.swap_skus, source_line.c.sku_code)


def is_dropped(source_line: FromClause) -> ColumnElement[bool]:
    """Whether the options leave this source line out."""
    goods = source_line.c.item_type.in_(SHIPPABLE)
    return and_(factory.c.quantities.is_not(None), goods, requested_quantity(source_line) == 0)


def is_changed(source_line: FromClause) -> ColumnElement[bool]:
    """Whether the options give the copy of this source line another quantity or another SKU."""
    other_quantity = and_(
        factory.c.quantities.is_not(None), func.coalesce(requested_quantity(source_line), 0) > 0
    )
    swapped = and_(factory.c.swap_skus.is_not(None), requested_sku(source_line).is_not(None))
    return and_(source_line.c.item_type == ItemType.SKUS, or_(other_quantity, swapped))


def is_added(target_line: FromClause) -> ColumnElement[bool]:
    """Whether the options add this line to the target."""
    requested = json_text(factory.c.add_lines, target_line.c.sku_code)
    is_sku = target_line.c.item_type == ItemType.SKUS
    return and_(factory.c.add_lines.is_not(None), is_sku, requested.is_not(None))


def is_changed_discount(original: FromClause) -> ColumnElement[bool]:
    """Whether the line is a discount of goods, and the copy has other goods."""
    kinds = [kind for kind in DISCOUNTS if kind not in _UNSPLIT]
    of_goods = and_(original.c.item_type.in_(kinds), original.c.total_amount_cents < 0)
    return and_(has_changed_lines, of_goods)


def has_wrong_change(target_line: FromClause, original: FromClause) -> ColumnElement[bool]:
    """Whether a changed line differs from what the options request."""
    swapped = func.coalesce(requested_sku(original).is_not(None), False)
    quantity = func.coalesce(requested_quantity(original), original.c.quantity)
    has_new_price = or_(swapped, factory.c.refresh_prices, is_recomputed(original, line_rules))
    has_new_discount = and_(factory.c.apply_promotions, is_discountable(target_line))
    excluded = (
        "order_id",
        *KEPT_PARTS,
        "quantity",
        "currency_code",
        *PRICES,
        *DISCOUNT,
        *TAX,
        *_OF_SKU,
    )
    currency = case(
        (not_(is_other_currency), original.c.currency_code), else_=target.c.currency_code
    )
    options_cents = func.coalesce(original.c.options_amount_cents, _sum_options_cents(original))
    price = func.coalesce(original.c.unit_amount_cents, 0)
    remainder = original.c.total_amount_cents - price * original.c.quantity - options_cents
    total_at_own_price = (
        price * quantity + options_cents + split(remainder, quantity, original.c.quantity)
    )
    total = case(
        (has_new_price, target_line.c.unit_amount_cents * target_line.c.quantity + options_cents),
        (total_at_own_price > 0, total_at_own_price),
        else_=0,
    )
    pieces = case((quantity < original.c.quantity, quantity), else_=original.c.quantity)
    discount = split(original.c.discount_cents, pieces, original.c.quantity)
    original_total = original.c.total_amount_cents
    tax = case(
        (
            original_total > 0,
            split(original.c.tax_amount_cents, target_line.c.total_amount_cents, original_total),
        )
    )
    return or_(
        differs(target_line, original, *excluded),
        target_line.c.currency_code.is_distinct_from(currency),
        target_line.c.sku_code.is_distinct_from(
            func.coalesce(requested_sku(original), original.c.sku_code)
        ),
        target_line.c.quantity != quantity,
        and_(not_(swapped), differs_in(target_line, original, *_OF_SKU)),
        and_(
            not_(has_new_price),
            differs_in(target_line, original, "unit_amount_cents", "compare_at_amount_cents"),
        ),
        target_line.c.total_amount_cents != total,
        and_(
            not_(has_new_discount),
            target_line.c.discount_cents.is_distinct_from(
                case((not_(or_(swapped, is_other_currency)), discount))
            ),
        ),
        and_(
            not_(or_(has_new_price, has_new_discount)),
            original_total > 0,
            target_line.c.tax_amount_cents.is_distinct_from(tax),
        ),
    )


def has_wrong_discount(discount: FromClause, original: FromClause) -> ColumnElement[bool]:
    """Whether a discount is not the right share of the goods.

    A percentage stays a percentage of the goods. Another discount is split by pieces. With new
    prices or left-out lines, the goods have changed again, so the discount is not checked.
    """
    is_checked = and_(
        not_(factory.c.refresh_prices),
        # If line rules applied, some lines may have new prices.
        factory.c.applied_repeat_skus.is_(None),
        not_(factory.c.apply_promotions),
        not_(has_error()),
    )
    is_percentage = original.c.item_type == ItemType.PERCENTAGE_DISCOUNT_PROMOTIONS
    source_line, target_line = origin.alias("had"), line.alias("has")
    target_goods = _sum(
        target_line.c.total_amount_cents,
        target_line,
        target_line.c.order_id == target.c.id,
        _is_goods_line(target_line),
    )
    source_goods = _sum(
        source_line.c.total_amount_cents,
        source_line,
        source_line.c.order_id == factory.c.source_order_id,
        _is_goods_line(source_line),
    )
    pieces = case(
        (target_line.c.quantity < source_line.c.quantity, target_line.c.quantity),
        else_=source_line.c.quantity,
    )
    kept_goods = _sum(
        case(
            (
                source_line.c.quantity > 0,
                source_line.c.total_amount_cents * pieces // source_line.c.quantity,
            ),
            else_=0,
        ),
        target_line.join(source_line, source_line.c.id == target_line.c.copied_from_id),
        target_line.c.order_id == target.c.id,
        _is_goods_line(source_line),
    )
    share = split(
        original.c.total_amount_cents,
        case((is_percentage, target_goods), else_=kept_goods),
        source_goods,
    )
    return and_(is_checked, source_goods > 0, discount.c.total_amount_cents != share)


def _is_goods_line(row: FromClause) -> ColumnElement[bool]:
    return and_(row.c.item_type.in_(SHIPPABLE), row.c.total_amount_cents > 0)


def _sum(cents: ColumnElement[Any], rows: FromClause, *where: ColumnElement[bool]) -> Any:
    total = select(func.coalesce(func.sum(cents), 0)).select_from(rows).where(*where)
    return cast(total.correlate(factory, target).scalar_subquery(), BigInteger)


def _sum_options_cents(row: FromClause) -> ColumnElement[int]:
    options = select(func.coalesce(func.sum(_option.c.total_amount_cents), 0))
    options = options.where(_option.c.line_item_id == row.c.id).correlate(row)
    return cast(options.scalar_subquery(), BigInteger)


def _find_wrong_added_lines(db: Connection) -> Select[Any]:
    """Select factories whose target lacks an added line, or has it twice or with a wrong total."""
    member = json_members(db, factory.c.add_lines)
    matches = select(func.count()).where(
        line.c.order_id == target.c.id,
        line.c.copied_from_id.is_(None),
        line.c.item_type == ItemType.SKUS,
        line.c.sku_code == member.c.key,
        line.c.quantity == cast(member.c.value, BigInteger),
    )
    matches = matches.correlate(target, member)
    has_added_lines = factory.c.add_lines.is_not(None)
    is_missing_with_error = has_error(copy_error.c.sku_code == member.c.key)
    missing = (
        select(factory.c.id)
        .select_from(copied.join(member, true()))
        .where(
            has_added_lines,
            is_unedited(target),
            not_(is_missing_with_error.correlate(factory, member)),
        )
        .where(matches.scalar_subquery() != 1)
    )
    expected_total = line.c.unit_amount_cents * line.c.quantity
    wrong_total = line.c.total_amount_cents.is_distinct_from(expected_total)
    rows = select(factory.c.id).select_from(copied.join(line, line.c.order_id == target.c.id))
    rows = rows.where(
        has_added_lines, is_unedited(line), line.c.copied_from_id.is_(None), is_added(line)
    )
    return select(union(missing, rows.where(wrong_total)).subquery().c.id)


def _find_dropped_lines() -> Select[Any]:
    rows = copied.join(line, line.c.order_id == target.c.id)
    rows = rows.join(origin, origin.c.id == line.c.copied_from_id)
    return select(line.c.id).select_from(rows).where(is_unedited(line, origin), is_dropped(origin))


INVARIANTS = (
    Invariant(
        "lines-added",
        "A target order has each line of add_lines once, at price times quantity.",
        Resource.order_factories,
        _find_wrong_added_lines,
    ),
    Invariant(
        "lines-dropped",
        "A target order has no line to which quantities gives 0.",
        Resource.line_items,
        _find_dropped_lines(),
    ),
)
