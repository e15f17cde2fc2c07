"""Lines that a copy has otherwise than its source: exactly what its options ask for, to the cent."""

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
    differ,
    differ_in,
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
_WHOLE = (ItemType.FREE_SHIPPING_PROMOTIONS, ItemType.FREE_GIFT_PROMOTIONS)
_option = table_of(LineItemOption)

has_changed_lines = or_(*(factory.c[name].is_not(None) for name in LINE_CHANGES))


def wanted_quantity(of: FromClause) -> ColumnElement[int]:
    """What the copy is to have of the source line; null if the options do not say."""
    code = func.coalesce(of.c.sku_code, of.c.bundle_code)
    return cast(json_text(factory.c.quantities, code), BigInteger)


def other_sku(of: FromClause) -> ColumnElement[str]:
    """The SKU that takes the place of the source line's; null if none does."""
    return json_text(factory.c.swap_skus, of.c.sku_code)


def is_dropped(of: FromClause) -> ColumnElement[bool]:
    """Whether the options leave this source line out."""
    goods = of.c.item_type.in_(SHIPPABLE)
    return and_(factory.c.quantities.is_not(None), goods, wanted_quantity(of) == 0)


def is_changed(of: FromClause) -> ColumnElement[bool]:
    """Whether the options give the copy of this source line another quantity or another SKU."""
    other_quantity = and_(
        factory.c.quantities.is_not(None), func.coalesce(wanted_quantity(of), 0) > 0
    )
    swapped = and_(factory.c.swap_skus.is_not(None), other_sku(of).is_not(None))
    return and_(of.c.item_type == ItemType.SKUS, or_(other_quantity, swapped))


def is_added(of: FromClause) -> ColumnElement[bool]:
    """Whether the options add this line to the target."""
    asked = json_text(factory.c.add_lines, of.c.sku_code)
    kind = of.c.item_type == ItemType.SKUS
    return and_(factory.c.add_lines.is_not(None), kind, asked.is_not(None))


def is_changed_discount(original: FromClause) -> ColumnElement[bool]:
    """Whether the line is a discount of goods, and the copy has other goods."""
    kinds = [kind for kind in DISCOUNTS if kind not in _WHOLE]
    of_goods = and_(original.c.item_type.in_(kinds), original.c.total_amount_cents < 0)
    return and_(has_changed_lines, of_goods)


def changed_wrongly(of: FromClause, original: FromClause) -> ColumnElement[bool]:
    """Whether a changed line is not what the options ask for."""
    swapped = func.coalesce(other_sku(original).is_not(None), False)
    quantity = func.coalesce(wanted_quantity(original), original.c.quantity)
    priced = or_(swapped, factory.c.refresh_prices, is_recomputed(original, line_rules))
    discounted = and_(factory.c.apply_promotions, is_discountable(of))
    own = ("order_id", *KEPT_PARTS, "quantity", "currency_code", *PRICES, *DISCOUNT, *TAX, *_OF_SKU)
    currency = case(
        (not_(is_other_currency), original.c.currency_code), else_=target.c.currency_code
    )
    extras = func.coalesce(original.c.options_amount_cents, _options_cents(original))
    price = func.coalesce(original.c.unit_amount_cents, 0)
    beside = original.c.total_amount_cents - price * original.c.quantity - extras
    own_total = price * quantity + extras + split(beside, quantity, original.c.quantity)
    total = case(
        (priced, of.c.unit_amount_cents * of.c.quantity + extras),
        (own_total > 0, own_total),
        else_=0,
    )
    fewer = case((quantity < original.c.quantity, quantity), else_=original.c.quantity)
    discount = split(original.c.discount_cents, fewer, original.c.quantity)
    had = original.c.total_amount_cents
    tax = case((had > 0, split(original.c.tax_amount_cents, of.c.total_amount_cents, had)))
    return or_(
        differ(of, original, *own),
        of.c.currency_code.is_distinct_from(currency),
        of.c.sku_code.is_distinct_from(func.coalesce(other_sku(original), original.c.sku_code)),
        of.c.quantity != quantity,
        and_(not_(swapped), differ_in(of, original, *_OF_SKU)),
        and_(not_(priced), differ_in(of, original, "unit_amount_cents", "compare_at_amount_cents")),
        of.c.total_amount_cents != total,
        and_(
            not_(discounted),
            of.c.discount_cents.is_distinct_from(
                case((not_(or_(swapped, is_other_currency)), discount))
            ),
        ),
        and_(not_(or_(priced, discounted)), had > 0, of.c.tax_amount_cents.is_distinct_from(tax)),
    )


def discount_changed_wrongly(of: FromClause, original: FromClause) -> ColumnElement[bool]:
    """Whether a discount is not that percentage of the goods, or not the part of their pieces.

    New prices and left-out lines change the goods once more, so that the target does not tell.
    """
    is_checked = and_(
        not_(factory.c.refresh_prices),
        # No rule was about a line: then all lines have their own prices.
        factory.c.applied_repeat_skus.is_(None),
        not_(factory.c.apply_promotions),
        not_(has_error()),
    )
    percentage = original.c.item_type == ItemType.PERCENTAGE_DISCOUNT_PROMOTIONS
    had, has = origin.alias("had"), line.alias("has")
    now = _sum(has.c.total_amount_cents, has, has.c.order_id == target.c.id, _is_good(has))
    whole = _sum(
        had.c.total_amount_cents, had, had.c.order_id == factory.c.source_order_id, _is_good(had)
    )
    pieces = case((has.c.quantity < had.c.quantity, has.c.quantity), else_=had.c.quantity)
    kept = _sum(
        case((had.c.quantity > 0, had.c.total_amount_cents * pieces // had.c.quantity), else_=0),
        has.join(had, had.c.id == has.c.copied_from_id),
        has.c.order_id == target.c.id,
        _is_good(had),
    )
    share = split(original.c.total_amount_cents, case((percentage, now), else_=kept), whole)
    return and_(is_checked, whole > 0, of.c.total_amount_cents != share)


def _is_good(of: FromClause) -> ColumnElement[bool]:
    return and_(of.c.item_type.in_(SHIPPABLE), of.c.total_amount_cents > 0)


def _sum(cents: ColumnElement[Any], rows: FromClause, *where: ColumnElement[bool]) -> Any:
    total = select(func.coalesce(func.sum(cents), 0)).select_from(rows).where(*where)
    return cast(total.correlate(factory, target).scalar_subquery(), BigInteger)


def _options_cents(of: FromClause) -> ColumnElement[int]:
    options = select(func.coalesce(func.sum(_option.c.total_amount_cents), 0))
    options = options.where(_option.c.line_item_id == of.c.id).correlate(of)
    return cast(options.scalar_subquery(), BigInteger)


def _wrong_added_lines(db: Connection) -> Select[Any]:
    """Select factories whose target does not have each added line once, at its price."""
    member = json_members(db, factory.c.add_lines)
    fits = select(func.count()).where(
        line.c.order_id == target.c.id,
        line.c.copied_from_id.is_(None),
        line.c.item_type == ItemType.SKUS,
        line.c.sku_code == member.c.key,
        line.c.quantity == cast(member.c.value, BigInteger),
    )
    fits = fits.correlate(target, member)
    asked = factory.c.add_lines.is_not(None)
    short = has_error(copy_error.c.sku_code == member.c.key)
    missing = (
        select(factory.c.id)
        .select_from(copied.join(member, true()))
        .where(asked, is_unedited(target), not_(short.correlate(factory, member)))
        .where(fits.scalar_subquery() != 1)
    )
    of = line.c
    wrong_total = of.total_amount_cents.is_distinct_from(of.unit_amount_cents * of.quantity)
    wrong = select(factory.c.id).select_from(copied.join(line, of.order_id == target.c.id))
    wrong = wrong.where(asked, is_unedited(line), of.copied_from_id.is_(None), is_added(line))
    return select(union(missing, wrong.where(wrong_total)).subquery().c.id)


def _dropped_lines() -> Select[Any]:
    rows = copied.join(line, line.c.order_id == target.c.id)
    rows = rows.join(origin, origin.c.id == line.c.copied_from_id)
    return select(line.c.id).select_from(rows).where(is_unedited(line, origin), is_dropped(origin))


INVARIANTS = (
    Invariant(
        "lines-added",
        "A target order has each line that add_lines asks for once, at price times quantity.",
        Resource.order_factories,
        _wrong_added_lines,
    ),
    Invariant(
        "lines-dropped",
        "A target order has no line to which quantities gives 0.",
        Resource.line_items,
        _dropped_lines(),
    ),
)
