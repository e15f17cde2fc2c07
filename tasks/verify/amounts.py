"""Amounts: the amounts of a target order are the sums of its own lines.

`order_amounts` declares how the amounts add up to the total. The lines of each amount are declared
here a second time on purpose: so `verify` finds an error in the first declaration.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, not_, or_, select

from order_factory.models.tables import LineItem
from order_factory.models.values.public_ids import Resource
from order_factory.tasks.verify.changed_lines import has_changed_lines
from order_factory.tasks.verify.gift_cards import pays_less_by_gift_card
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.recomputed import coupon_is_left_out, lacks_pieces
from order_factory.tasks.verify.rows import (
    copied,
    factory,
    has_error,
    is_unedited,
    line,
    line_rules,
    source,
    target,
)
from order_factory.tasks.working_set.line_rules import is_once, is_recomputed
from order_factory.tasks.working_set.order_amounts import (
    LINES_OF_PARTS,
    add_up_parts,
    calculate_total_with_taxes,
)
from order_factory.tasks.working_set.statements import table_of

_type, _cents = line.c.item_type, line.c.total_amount_cents
_is_redemption = and_(_type == "gift_cards", _cents < 0)
# The line types of each amount, and their sign. Every type belongs to one amount.
_PARTS: dict[str, tuple[ColumnElement[bool], int]] = {
    "subtotal_amount_cents": (
        or_(_type.in_(["skus", "bundles"]), and_(_type == "gift_cards", not_(_is_redemption))),
        1,
    ),
    "shipping_amount_cents": (_type == "shipments", 1),
    "payment_method_amount_cents": (_type == "payment_methods", 1),
    "adjustment_amount_cents": (_type == "adjustments", 1),
    "gift_card_amount_cents": (_is_redemption, -1),
    "discount_amount_cents": (or_(_type.like("%promotions"), _type == "discount_engine_items"), 1),
}


def _find_amounts_unlike_lines() -> Select[Any]:
    sums = {
        name: _sum(case((condition, sign * _cents), else_=0))
        for name, (condition, sign) in _PARTS.items()
    }
    sums["total_tax_amount_cents"] = _sum(line.c.tax_amount_cents)
    sums["total_amount_cents"] = _sum(_cents)
    rows = copied.outerjoin(line, line.c.order_id == target.c.id)
    grouped = select(target.c.id).select_from(rows).group_by(target.c.id)
    return grouped.having(or_(*(target.c[name] != amount for name, amount in sums.items())))


def _find_wrong_totals() -> Select[Any]:
    parts = add_up_parts(target.c, *LINES_OF_PARTS)
    return select(target.c.id).select_from(copied).where(target.c.total_amount_cents != parts)


def _find_wrong_totals_with_taxes() -> Select[Any]:
    total = calculate_total_with_taxes(target.c, target.c.tax_included)
    rows = select(target.c.id).select_from(copied)
    return rows.where(target.c.total_amount_with_taxes_cents != total)


def _find_totals_unlike_source() -> Select[Any]:
    """Select complete copies with unchanged prices whose total differs from the source order's."""
    source_line = table_of(LineItem).alias("ruled")
    keeps_prices = not_(or_(factory.c.refresh_prices, factory.c.apply_promotions))
    is_incomplete = or_(
        and_(factory.c.skip_errors, has_error()),
        pays_less_by_gift_card,
        coupon_is_left_out,
        exists().where(
            source_line.c.order_id == source.c.id,
            or_(is_once(source_line, line_rules), is_recomputed(source_line, line_rules)),
        ),
        lacks_pieces,
        has_changed_lines,
    )
    rows = select(target.c.id).select_from(copied).where(keeps_prices, not_(is_incomplete))
    return rows.where(
        is_unedited(source, target), target.c.total_amount_cents != source.c.total_amount_cents
    )


def _sum(cents: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(func.sum(cents), 0)


INVARIANTS = (
    Invariant(
        "worth-its-source",
        "A target order with all lines of its source, and no changes, has the total of its source "
        "order.",
        Resource.orders,
        _find_totals_unlike_source(),
    ),
    Invariant(
        "amounts-equal-lines",
        "Every amount of a target order is the sum of its own lines of that kind.",
        Resource.orders,
        _find_amounts_unlike_lines(),
    ),
    Invariant(
        "total-adds-up",
        "A target order's total is subtotal, shipping, payment method, discount and adjustment, "
        "minus gift cards.",
        Resource.orders,
        _find_wrong_totals(),
    ),
    Invariant(
        "total-with-taxes",
        "A target order's total with taxes is its total, plus the taxes that it does not include.",
        Resource.orders,
        _find_wrong_totals_with_taxes(),
    ),
)
