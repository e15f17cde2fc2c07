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
    differs_in,
    factory,
    has_error,
    line_rules,
    source,
    target,
)
from order_factory.tasks.working_set.line_rules import is_recomputed

STOCK_CODES = (ErrorCode.NOT_ENOUGH_STOCK, ErrorCode.QUANTITY_REDUCED)
_WHOLE_DISCOUNTS = (ItemType.FREE_SHIPPING_PROMOTIONS, ItemType.FREE_GIFT_PROMOTIONS)
# The columns that new prices change, that new promotions change, and that either of them changes.
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


def is_reduced(copy: FromClause, original: FromClause) -> ColumnElement[bool]:
    """Whether the line has fewer pieces than its original, and the log reports it."""
    is_recorded = has_error(
        copy_error.c.code == ErrorCode.QUANTITY_REDUCED,
        copy_error.c.sku_code == original.c.sku_code,
    )
    return and_(
        factory.c.stock == StockPolicy.PARTIAL,
        copy.c.item_type == ItemType.SKUS,
        copy.c.quantity < original.c.quantity,
        copy.c.quantity > 0,
        is_recorded,
    )


def is_split_discount(original: FromClause) -> ColumnElement[bool]:
    """Whether the line is a discount that is split for a copy with fewer pieces."""
    kinds = [kind for kind in DISCOUNTS if kind not in _WHOLE_DISCOUNTS]
    return and_(lacks_pieces, original.c.item_type.in_(kinds), original.c.total_amount_cents < 0)


def split(
    cents: ColumnElement[Any], part: ColumnElement[Any], whole: ColumnElement[Any]
) -> ColumnElement[Any]:
    """Return the share `part / whole` of an amount. Half a cent is rounded away from zero."""
    size = (2 * func.abs(cents) * part + whole) // (2 * whole)
    return case((cents < 0, -size), else_=size)


def compute_reduced_total(original: FromClause, quantity: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the total of this many pieces of the line, with their share of options and tax."""
    price = func.coalesce(original.c.unit_amount_cents, 0)
    remainder = original.c.total_amount_cents - price * original.c.quantity
    return price * quantity + split(remainder, quantity, original.c.quantity)


def is_left_out_discount(source_line: FromClause) -> ColumnElement[bool]:
    """Whether this line of the source is a discount that its copy must leave out."""
    is_replaced = and_(factory.c.apply_promotions, source_line.c.item_type.in_(PROMOTIONS))
    has_code_of_order = func.lower(source_line.c.coupon_code) == func.lower(source.c.coupon_code)
    is_of_coupon = and_(source_line.c.item_type.in_(DISCOUNTS), has_code_of_order)
    return or_(is_replaced, and_(coupon_is_left_out, is_of_coupon))


def is_new_discount(target_line: FromClause) -> ColumnElement[bool]:
    """Whether this line of the target is a promotion that was computed for it."""
    kinds = [kind.value for kind in PromotionType]
    return and_(
        factory.c.apply_promotions,
        target_line.c.copied_from_id.is_(None),
        target_line.c.item_type.in_(kinds),
    )


def is_discountable(target_line: FromClause) -> ColumnElement[bool]:
    return target_line.c.item_type.in_([*SHIPPABLE, ItemType.SHIPMENTS])


def has_unrequested_line_change(copy: FromClause, original: FromClause) -> ColumnElement[bool]:
    """Whether the line differs from its original in a column that no option recomputes."""
    is_repriced = or_(factory.c.refresh_prices, is_recomputed(original, line_rules))
    has_new_price = and_(is_repriced, copy.c.item_type == ItemType.SKUS)
    # In another currency, an order has no discount of its source.
    has_new_discount = or_(
        and_(factory.c.apply_promotions, is_discountable(copy)),
        and_(has_new_price, is_other_currency),
    )
    has_fewer_pieces = is_reduced(copy, original)
    return case(
        (has_fewer_pieces, _has_wrong_reduction(copy, original, has_new_price, has_new_discount)),
        else_=or_(
            differs_in(copy, original, "quantity", "options_amount_cents"),
            and_(not_(has_new_price), differs_in(copy, original, *PRICES)),
            and_(not_(has_new_discount), differs_in(copy, original, *DISCOUNT)),
            and_(not_(or_(has_new_price, has_new_discount)), differs_in(copy, original, *TAX)),
        ),
    )


def _has_wrong_reduction(
    copy: FromClause,
    original: FromClause,
    has_new_price: ColumnElement[bool],
    has_new_discount: ColumnElement[bool],
) -> ColumnElement[bool]:
    def is_not_split(name: str) -> ColumnElement[bool]:
        share = split(original.c[name], copy.c.quantity, original.c.quantity)
        return copy.c[name].is_distinct_from(share)

    total = compute_reduced_total(original, copy.c.quantity)
    return or_(
        is_not_split("options_amount_cents"),
        and_(
            not_(has_new_price),
            or_(
                differs_in(copy, original, "unit_amount_cents", "compare_at_amount_cents"),
                copy.c.total_amount_cents != total,
            ),
        ),
        and_(not_(has_new_discount), is_not_split("discount_cents")),
        and_(not_(or_(has_new_price, has_new_discount)), is_not_split("tax_amount_cents")),
    )
