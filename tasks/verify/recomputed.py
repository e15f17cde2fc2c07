"""What a copy does not take over from its source because of its options."""

from sqlalchemy import ColumnElement, FromClause, and_, func, not_, or_

from order_factory.models.tables.promotions import PromotionType
from order_factory.models.values.statuses import DISCOUNTS, PROMOTIONS, SHIPPABLE, ItemType
from order_factory.tasks.verify.rows import (
    copy_error,
    differ_in,
    factory,
    has_error,
    source,
    target,
)

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


def changed_unasked(of: FromClause, original: FromClause) -> ColumnElement[bool]:
    """Whether the line differs in a column that no option of its copy recomputes."""
    priced = and_(factory.c.refresh_prices, of.c.item_type == ItemType.SKUS)
    discounted = and_(factory.c.apply_promotions, is_discountable(of))
    return or_(
        and_(not_(priced), differ_in(of, original, *PRICES)),
        and_(not_(discounted), differ_in(of, original, *DISCOUNT)),
        and_(not_(or_(priced, discounted)), differ_in(of, original, *TAX)),
    )
