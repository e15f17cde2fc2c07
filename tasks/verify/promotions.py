"""Uses of coupons and promotions: the counts match the copies."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    and_,
    case,
    func,
    not_,
    or_,
    select,
    union,
)

from order_factory.models.tables import Coupon, Order, Promotion
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.promotions.releases import select_promotions_of
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import factory, is_unedited
from order_factory.tasks.working_set.statements import table_of

_order, _coupon, _promotion = table_of(Order), table_of(Coupon), table_of(Promotion)
_source = _order.alias("source")
_made = _order.join(factory, factory.c.id == _order.c.order_factory_id)

_is_counted = and_(
    _order.c.status != OrderStatus.CANCELLED,
    or_(
        not_(factory.c.place_target_order),
        _order.c.placed_at.is_not(None),
        _order.c.status == OrderStatus.PLACING,
    ),
)
# An order that the shop has edited may have used a coupon that it no longer has.
_is_certain = or_(
    is_unedited(_order),
    and_(_order.c.status == OrderStatus.CANCELLED, _order.c.cancelled_at == _order.c.updated_at),
)


def _find_uses_of_coupons() -> Subquery:
    """Select a row per coupon and order. An edited order may have used the coupon of its source."""

    def select_uses(code_owner: Any, *conditions: ColumnElement[bool]) -> Select[Any]:
        is_its_coupon = and_(
            _coupon.c.mode == _order.c.mode,
            _coupon.c.code_key == code_owner.c.coupon_code_key,
            _coupon.c.created_at <= _order.c.created_at,
        )
        rows = _made.join(_source, _source.c.id == factory.c.source_order_id)
        pairs = select(_coupon.c.id, _order.c.id.label("order_id"))
        return pairs.select_from(rows.join(_coupon, is_its_coupon)).where(*conditions)

    return union(select_uses(_order), select_uses(_source, not_(_is_certain))).subquery("uses")


def _find_miscounted(
    table: Table, count: ColumnElement[int], uses: Subquery, more: ColumnElement[int] | int = 0
) -> Select[Any]:
    """Select the rows whose count is below the minimum, or above the maximum.

    The maximum is known only if the uses elsewhere are known. `more` is the number of orders whose
    uses are not known.
    """
    least = func.sum(case((and_(_is_certain, _is_counted), 1), else_=0))
    most = func.sum(case((or_(not_(_is_certain), _is_counted), 1), else_=0))
    shown = (
        select(uses.c.id, least.label("least"), most.label("most"))
        .select_from(_made.join(uses, uses.c.order_id == _order.c.id))
        .group_by(uses.c.id)
        .subquery("shown")
    )
    others = func.coalesce(table.c.other_uses, 0)
    too_few = count < others + func.coalesce(shown.c.least, 0)
    too_many = and_(
        table.c.other_uses.is_not(None), count > others + func.coalesce(shown.c.most, 0) + more
    )
    rows = table.outerjoin(shown, shown.c.id == table.c.id)
    return select(table.c.id).select_from(rows).where(or_(too_few, too_many))


def _find_miscounted_promotions(db: Connection) -> Select[Any]:
    uses = select_promotions_of(db, select(_order.c.id).select_from(_made)).subquery("uses")
    uncertain = select(func.count()).select_from(_made)
    uncertain = uncertain.where(
        not_(_is_certain), or_(factory.c.apply_promotions, _order.c.coupon_code_key.is_not(None))
    )
    more = uncertain.scalar_subquery()
    return _find_miscounted(_promotion, _promotion.c.total_usage_count, uses, more)


INVARIANTS = (
    Invariant(
        "coupon-uses-counted",
        "The usage count of a coupon is the number of orders here that use it, plus the known "
        "uses elsewhere.",
        Resource.coupons,
        _find_miscounted(_coupon, _coupon.c.usage_count, _find_uses_of_coupons()),
    ),
    Invariant(
        "promotion-uses-counted",
        "The usage count of a promotion is the number of orders here that use it, plus the known "
        "uses elsewhere.",
        Resource.promotions,
        _find_miscounted_promotions,
    ),
)
