"""Recomputed discounts and prices: they add up, and the old ones are not copied."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from order_factory.models.tables import LineItemOption
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import ItemType
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.recomputed import (
    is_discountable,
    is_left_out_discount,
    is_new_discount,
)
from order_factory.tasks.verify.rows import (
    copied,
    factory,
    is_unedited,
    line,
    line_rules,
    origin,
    source,
    target,
)
from order_factory.tasks.working_set.line_rules import is_recomputed
from order_factory.tasks.working_set.statements import table_of

_option = table_of(LineItemOption)
_lines = copied.join(line, line.c.order_id == target.c.id)


def _find_old_discounts() -> Select[Any]:
    rows = select(line.c.id).select_from(_lines.join(origin, origin.c.id == line.c.copied_from_id))
    return rows.where(is_unedited(source, target, origin, line), is_left_out_discount(origin))


def _find_discounts_unlike_shares() -> Select[Any]:
    """Select targets whose lines' shares differ from the discounts of their promotions."""
    shares = _sum(case((is_discountable(line), func.coalesce(line.c.discount_cents, 0)), else_=0))
    discounts = _sum(case((is_new_discount(line), line.c.total_amount_cents), else_=0))
    edited = _sum(case((is_unedited(line), 0), else_=1))
    rows = select(target.c.id).select_from(_lines)
    rows = rows.where(factory.c.apply_promotions, is_unedited(target)).group_by(target.c.id)
    return rows.having(edited == 0, shares != discounts)


def _find_empty_discounts() -> Select[Any]:
    rows = select(line.c.id).select_from(_lines)
    return rows.where(is_unedited(line), is_new_discount(line), line.c.total_amount_cents >= 0)


def _find_wrong_totals() -> Select[Any]:
    """Select lines whose total is not the new price times the quantity, plus their options."""
    options = (
        select(func.coalesce(func.sum(_option.c.total_amount_cents), 0))
        .where(_option.c.line_item_id == line.c.id)
        .correlate(line)
        .scalar_subquery()
    )
    options_cents = func.coalesce(line.c.options_amount_cents, options)
    rows = select(line.c.id).select_from(
        _lines.outerjoin(origin, origin.c.id == line.c.copied_from_id)
    )
    return rows.where(
        or_(
            factory.c.refresh_prices,
            and_(
                factory.c.applied_repeat_skus.is_not(None),
                is_unedited(origin),
                is_recomputed(origin, line_rules),
            ),
        ),
        is_unedited(line),
        line.c.item_type == ItemType.SKUS,
        or_(
            line.c.unit_amount_cents.is_(None),
            and_(
                line.c.total_amount_cents
                != line.c.unit_amount_cents * line.c.quantity + options_cents
            ),
        ),
    )


def _sum(cents: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(func.sum(cents), 0)


INVARIANTS = (
    Invariant(
        "old-discounts-left-out",
        "No promotion is copied if promotions are recomputed, and no discount of a coupon that was "
        "left out.",
        Resource.line_items,
        _find_old_discounts(),
    ),
    Invariant(
        "discounts-divided",
        "If promotions were recomputed, the lines' discounts add up to the promotions' amounts.",
        Resource.orders,
        _find_discounts_unlike_shares(),
    ),
    Invariant(
        "discounts-take-off",
        "Every recomputed promotion has a discount.",
        Resource.line_items,
        _find_empty_discounts(),
    ),
    Invariant(
        "refreshed-totals",
        "The total of a line with a refreshed price is price times quantity, plus its options.",
        Resource.line_items,
        _find_wrong_totals(),
    ),
)
