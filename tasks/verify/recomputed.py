"""The values of a copy that differ from its source because of its options."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, func, not_, or_

from order_factory.models.tables.promotions import PromotionType
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import DISCOUNTS, PROMOTIONS, SHIPPABLE, ItemType
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.verify.changed_orders import is_other_currency
from order_factory.tasks.verify.rows import (
    copy_error,
    differ_in,
    factory,
    has_error,
    line_rules,
    source,
    target,
)
from order_factory.tasks.working_set.line_rules import is_recomputed

STOCK_CODES = (ErrorCode.NOT_ENOUGH_STOCK, ErrorCode.QUANTITY_REDUCED)
_WHOLE_DISCOUNTS = (ItemType.FREE_SHIPPING_PROMOTIONS, ItemType.FREE_GIFT_PROMOTIONS)
# The columns that prices recompute, that promotions recompute, and that either recomputes.
PRICES = ("unit_amount_cents", "compare_at_amount_cents", "total_amount_cents")
DISCOUNT = ("discount_cents", "discount_breakdown")
TAX = ("tax_amount_cents", "tax_breakdown")

coupon_is_left_out = and_(
    target.c.coupon_code.is_(None),
    source.c.coupon_code != "",
    or_(
        factory.c.ignore_invalid_coupon,
        and_(factory.c.skip_errors, has_error(copy_error.c.field == "coupon_code")),
    ),
)


# Whether the copy has fewer pieces than its source order, because no more were in stock.
lacks_pieces = and_(
    factory.c.stock == StockPolicy.PARTIAL, has_error(copy_error.c.code.in_(STOCK_CODES))
)


def is_reduced(of: FromClause, original: FromClause) -> ColumnElement[bool]:
    """Whether the line has fewer pieces than its original, and the log reports it."""
    said = has_error(
        copy_error.c.code == ErrorCode.QUANTITY_REDUCED,
        copy_error.c.sku_code == original.c.sku_code,
    )
    return and_(
        factory.c.stock == StockPolicy.PARTIAL,
        of.c.item_type == ItemType.SKUS,
        of.c.quantity < original.c.quantity,
        of.c.quantity > 0,
        said,
    )


def is_split_discount(original: FromClause) -> ColumnElement[bool]:
    """Whether the line is a discount that is split for a copy with fewer pieces."""
    kinds = [kind for kind in DISCOUNTS if kind not in _WHOLE_DISCOUNTS]
    return and_(lacks_pieces, original.c.item_type.in_(kinds), original.c.total_amount_cents < 0)


def split(
    cents: ColumnElement[Any], part: ColumnElement[Any], whole: ColumnElement[Any]
) -> ColumnElement[Any]:
    """Return the share of an amount; half a cent is rounded away from zero."""
    size = (2 * func.abs(cents) * part + whole) // (2 * whole)
    return case((cents < 0, -size), else_=size)


def compute_reduced_total(original: FromClause, quantity: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the total of this many pieces of the line, with their share of options and tax."""
    of = original.c
    price = func.coalesce(of.unit_amount_cents, 0)
    beside = of.total_amount_cents - price * of.quantity
    return price * quantity + split(beside, quantity, of.quantity)


def is_left_out_discount(of: FromClause) -> ColumnElement[bool]:
    """Whether this line of the source is a discount that its copy must leave out."""
    replaced = and_(factory.c.apply_promotions, of.c.item_type.in_(PROMOTIONS))
    same_code = func.lower(of.c.coupon_code) == func.lower(source.c.coupon_code)
    of_coupon = and_(of.c.item_type.in_(DISCOUNTS), same_code)
    return or_(replaced, and_(coupon_is_left_out, of_coupon))


def is_new_discount(of: FromClause) -> ColumnElement[bool]:
    """Whether this line of the target is a promotion that was computed for it."""
    kinds = [kind.value for kind in PromotionType]
    return and_(
        factory.c.apply_promotions, of.c.copied_from_id.is_(None), of.c.item_type.in_(kinds)
    )


def is_discountable(of: FromClause) -> ColumnElement[bool]:
    return of.c.item_type.in_([*SHIPPABLE, ItemType.SHIPMENTS])


def is_changed_unasked(of: FromClause, original: FromClause) -> ColumnElement[bool]:
    """Whether the line differs in a column that no option of its copy recomputes."""
    gets_price = or_(factory.c.refresh_prices, is_recomputed(original, line_rules))
    priced = and_(gets_price, of.c.item_type == ItemType.SKUS)
    # In another currency, an order has no discount of its source.
    discounted = or_(
        and_(factory.c.apply_promotions, is_discountable(of)), and_(priced, is_other_currency)
    )
    reduced = is_reduced(of, original)
    return case(
        (reduced, _find_reduced_wrongly(of, original, priced, discounted)),
        else_=or_(
            differ_in(of, original, "quantity", "options_amount_cents"),
            and_(not_(priced), differ_in(of, original, *PRICES)),
            and_(not_(discounted), differ_in(of, original, *DISCOUNT)),
            and_(not_(or_(priced, discounted)), differ_in(of, original, *TAX)),
        ),
    )


def _find_reduced_wrongly(
    of: FromClause,
    original: FromClause,
    priced: ColumnElement[bool],
    discounted: ColumnElement[bool],
) -> ColumnElement[bool]:
    def is_not_split(name: str) -> ColumnElement[bool]:
        share = split(original.c[name], of.c.quantity, original.c.quantity)
        return of.c[name].is_distinct_from(share)

    total = compute_reduced_total(original, of.c.quantity)
    return or_(
        is_not_split("options_amount_cents"),
        and_(
            not_(priced),
            or_(
                differ_in(of, original, "unit_amount_cents", "compare_at_amount_cents"),
                of.c.total_amount_cents != total,
            ),
        ),
        and_(not_(discounted), is_not_split("discount_cents")),
        and_(not_(or_(priced, discounted)), is_not_split("tax_amount_cents")),
    )
