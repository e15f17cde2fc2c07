"""Choose the promotions of each copy: those that are valid now and match the order."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    FromClause,
    Insert,
    Select,
    Subquery,
    and_,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
)

from order_factory.models.database.dialects import analyze_table
from order_factory.models.tables import LineItem, Promotion
from order_factory.models.tables.promotions import PromotionType
from order_factory.models.values.statuses import SHIPPABLE, ItemType
from order_factory.tasks.promotions.goods import is_listed
from order_factory.tasks.promotions.tables import candidates, copy_coupons, discountable, granted
from order_factory.tasks.working_set.statements import NOW, table_of
from order_factory.tasks.working_set.tables import copies

_promotion, _line = table_of(Promotion), table_of(LineItem)
_applies = and_(copies.c.valid, copies.c.apply_promotions)


def find_discountable_lines(db: Connection) -> None:
    """Collect the targets' lines that promotions may discount: goods and shipments above zero."""
    shipping = _line.c.item_type == ItemType.SHIPMENTS
    total = _line.c.total_amount_cents
    rows = (
        select(copies.c.factory_id, _line.c.id, _line.c.sku_code, shipping, total, total)
        .join(_line, _line.c.order_id == copies.c.target_order_id)
        .where(_applies, total > 0, or_(_line.c.item_type.in_(SHIPPABLE), shipping))
    )
    names = ["factory_id", "line_item_id", "sku_code", "shipping", "total_cents", "left_cents"]
    db.execute(insert(discountable).from_select(names, rows))
    analyze_table(db, discountable)


def grant_promotions(db: Connection, now: datetime) -> None:
    """Decide which promotions each copy gets, and in which order.

    All that match apply one after the other: exclusive ones first, then by priority (low before
    high, none last), then by age. If an exclusive promotion matches, it is the only one. Earlier
    factories get limited promotions first.
    """
    for statement in (_insert_open(), _insert_of_coupons()):
        db.execute(statement, {"now": now})
    for limited in db.execute(_contested()).all():
        _drop_displaced(db, candidates.c.promotion_id == limited.id)
        db.execute(_drop_beyond(limited.id, limited.remaining))
    _drop_displaced(db)
    nth = func.row_number().over(partition_by=candidates.c.factory_id, order_by=candidates.c.place)
    rows = select(candidates.c.factory_id, nth, candidates.c.promotion_id)
    db.execute(insert(granted).from_select(["factory_id", "nth", "promotion_id"], rows))
    analyze_table(db, granted)


def applies_to(promotion: FromClause, lines: FromClause) -> ColumnElement[bool]:
    """Return whether the promotion applies to this discountable line."""
    free_shipping = promotion.c.type == PromotionType.FREE_SHIPPING
    listed = or_(
        promotion.c.sku_list_id.is_(None),
        is_listed(promotion.c.sku_list_id, lines.c.sku_code),
    )
    return or_(
        and_(free_shipping, lines.c.shipping),
        and_(not_(free_shipping), not_(lines.c.shipping), listed),
    )


def _valid_now() -> Subquery:
    """Select the promotions of the batch's mode that are valid now, with their place."""
    mode = select(copies.c.mode).limit(1).scalar_subquery()
    place = func.row_number().over(
        order_by=(
            _promotion.c.exclusive.desc(),
            _promotion.c.priority.is_(None),
            _promotion.c.priority,
            _promotion.c.id,
        )
    )
    rows = select(_promotion, place.label("place")).where(
        _promotion.c.mode == mode,
        _promotion.c.starts_at <= NOW,
        _promotion.c.expires_at > NOW,
        or_(_promotion.c.disabled_at.is_(None), _promotion.c.disabled_at > NOW),
    )
    return rows.subquery("valid")


def _insert_open() -> Insert:
    """Insert the promotions that need no coupon."""
    valid = _valid_now()
    rows = copies.join(valid, not_(valid.c.coupon_required))
    return _insert_fitting(valid, rows)


def _insert_of_coupons() -> Insert:
    """Insert the promotions of the copies' coupons."""
    valid = _valid_now()
    rows = copies.join(
        copy_coupons,
        and_(copy_coupons.c.factory_id == copies.c.factory_id, copies.c.coupon_code.is_not(None)),
    ).join(valid, and_(valid.c.id == copy_coupons.c.promotion_id, valid.c.coupon_required))
    return _insert_fitting(valid, rows)


def _insert_fitting(valid: Subquery, rows: FromClause) -> Insert:
    is_own = discountable.c.factory_id == copies.c.factory_id
    goods = select(func.coalesce(func.sum(discountable.c.total_cents), 0))
    goods = goods.where(is_own, not_(discountable.c.shipping))
    amount = goods.correlate_except(discountable).scalar_subquery()
    has_suitable = (
        exists().where(is_own, applies_to(valid, discountable)).correlate_except(discountable)
    )
    fitting = (
        select(
            copies.c.factory_id,
            valid.c.id,
            valid.c.place,
            valid.c.exclusive,
        )
        .select_from(rows)
        .where(
            _applies,
            or_(valid.c.currency_code.is_(None), valid.c.currency_code == copies.c.currency_code),
            or_(valid.c.order_amount_cents.is_(None), amount >= valid.c.order_amount_cents),
            has_suitable,
        )
    )
    names = ["factory_id", "promotion_id", "place", "exclusive"]
    return insert(candidates).from_select(names, fitting)


def _contested() -> Select[tuple[int, int]]:
    """Select the limited promotions with too many candidates, and how many uses remain.

    A copy with a coupon of the promotion already has its use.
    """
    reserved = (
        select(copy_coupons.c.promotion_id, func.count().label("uses"))
        .join(copies, copies.c.factory_id == copy_coupons.c.factory_id)
        .where(copies.c.valid, copies.c.coupon_code.is_not(None))
        .group_by(copy_coupons.c.promotion_id)
        .subquery("reserved")
    )
    remaining_uses = (
        _promotion.c.total_usage_limit
        - _promotion.c.total_usage_count
        - func.coalesce(reserved.c.uses, 0)
    )
    return (
        select(_promotion.c.id, remaining_uses.label("remaining"))
        .select_from(
            candidates.join(_promotion, _promotion.c.id == candidates.c.promotion_id).outerjoin(
                reserved, reserved.c.promotion_id == _promotion.c.id
            )
        )
        .where(not_(_has_its_use()), _promotion.c.total_usage_limit.is_not(None))
        .group_by(_promotion.c.id, remaining_uses, candidates.c.place)
        .having(func.count() > remaining_uses)
        .order_by(candidates.c.place)
    )


def _has_its_use() -> ColumnElement[bool]:
    """Return whether the candidate's copy has a coupon of this promotion, and so its use."""
    return (
        exists()
        .where(
            copy_coupons.c.factory_id == candidates.c.factory_id,
            copy_coupons.c.promotion_id == candidates.c.promotion_id,
            copies.c.factory_id == copy_coupons.c.factory_id,
            copies.c.coupon_code.is_not(None),
        )
        .correlate_except(copy_coupons, copies)
    )


def _drop_displaced(db: Connection, *where: ColumnElement[bool]) -> None:
    """Drop the candidates after an exclusive one."""
    before = candidates.alias("before")
    displaced = exists().where(
        before.c.factory_id == candidates.c.factory_id,
        before.c.exclusive,
        before.c.place < candidates.c.place,
    )
    db.execute(delete(candidates).where(displaced.correlate_except(before), *where))


def _drop_beyond(promotion_id: int, remaining: int) -> Delete:
    """Keep the first `remaining` candidates of a promotion."""
    is_own = and_(candidates.c.promotion_id == promotion_id, not_(_has_its_use()))
    rank = func.row_number().over(order_by=candidates.c.factory_id)
    ranked = select(candidates.c.factory_id, rank.label("rank")).where(is_own).subquery("ranked")
    late = select(ranked.c.factory_id).where(ranked.c.rank > remaining)
    return delete(candidates).where(
        candidates.c.promotion_id == promotion_id, candidates.c.factory_id.in_(late)
    )
