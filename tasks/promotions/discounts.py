"""The discounts of promotions: computed one after the other, and divided among the lines."""

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    String,
    Subquery,
    Update,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    type_coerce,
    update,
)

from order_factory.models.database.dialects import analyze_table, mul_div, mul_mod
from order_factory.models.database.json_values import build_object, gather_object
from order_factory.models.tables import LineItem, Order, Promotion
from order_factory.models.tables.base import JsonObject
from order_factory.models.tables.promotions import PromotionType
from order_factory.tasks.promotions.candidates import applies_to
from order_factory.tasks.promotions.tables import discountable, granted, shares
from order_factory.tasks.working_set.statements import NOW, insert_select, table_of, times
from order_factory.tasks.working_set.tables import copies
from order_factory.tasks.working_set.taxes import tax_cents

_promotion, _line, _source = table_of(Promotion), table_of(LineItem), table_of(Order)
_NTH: ColumnElement[int] = bindparam("nth", type_=BigInteger())


def compute_shares(db: Connection) -> None:
    """Compute the discount of each granted promotion on each line.

    Each promotion applies to the amounts after the previous one. No amount falls below zero.
    """
    rounds = db.scalar(select(func.coalesce(func.max(granted.c.nth), 0))) or 0
    for nth in range(1, rounds + 1):
        db.execute(_insert_shares(), {"nth": nth})
        analyze_table(db, shares)
        db.execute(_update_left(), {"nth": nth})


def insert_discounts() -> Insert:
    """Insert a line per copy and promotion with a discount."""
    off = (
        select(shares.c.factory_id, shares.c.promotion_id, shares.c.nth, _total(shares.c.cents))
        .group_by(shares.c.factory_id, shares.c.promotion_id, shares.c.nth)
        .subquery("off")
    )
    amount = -off.c.cents
    values: dict[str, ColumnElement[Any]] = {
        "order_id": copies.c.target_order_id,
        "copied_from_id": null(),
        "item_type": _promotion.c.type,
        "name": _promotion.c.name,
        "quantity": literal(1),
        "currency_code": copies.c.currency_code,
        "unit_amount_cents": amount,
        "total_amount_cents": amount,
        "coupon_code": case((_promotion.c.coupon_required, copies.c.coupon_code)),
        "reference": _promotion.c.reference,
        "reference_origin": _promotion.c.reference_origin,
        **times(NOW),
    }
    rows = copies.join(off, off.c.factory_id == copies.c.factory_id).join(
        _promotion, _promotion.c.id == off.c.promotion_id
    )
    return insert_select(LineItem, values, rows, order_by=(copies.c.factory_id, off.c.nth))


def update_discounted_lines(db: Connection) -> Update:
    """Set the lines' shares of the discounts, and the tax on the remaining amounts.

    The tax does not change if the line has no rate or no tax, or if its discount is the same as
    before.
    """
    rows = (
        select(
            discountable.c.line_item_id,
            (discountable.c.left_cents - discountable.c.total_cents).label("discount"),
            discountable.c.left_cents,
            _source.c.tax_rate,
            _source.c.tax_included,
        )
        .join(copies, copies.c.factory_id == discountable.c.factory_id)
        .join(_source, _source.c.id == copies.c.source_order_id)
        .subquery("now")
    )
    former_discount = func.coalesce(_line.c.discount_cents, 0)
    rate = func.coalesce(_line.c.tax_rate, rows.c.tax_rate)
    tax_changes = and_(
        rows.c.discount != former_discount, rate.is_not(None), _line.c.tax_amount_cents.is_not(None)
    )
    message = or_(
        rows.c.discount != former_discount,
        _line.c.discount_breakdown.is_not(None),
        rows.c.discount < 0,
    )
    return (
        update(_line)
        .where(_line.c.id == rows.c.line_item_id, message)
        .values(
            discount_cents=rows.c.discount,
            discount_breakdown=case(
                (rows.c.discount < 0, _breakdown(db, _line.c.id)), else_=null()
            ),
            tax_amount_cents=case(
                (tax_changes, tax_cents(rows.c.left_cents, rate, rows.c.tax_included)),
                else_=_line.c.tax_amount_cents,
            ),
            tax_breakdown=case((tax_changes, null()), else_=_line.c.tax_breakdown),
        )
    )


def _breakdown(db: Connection, line_item_id: ColumnElement[int]) -> ColumnElement[Any]:
    """Return a line's shares as JSON: promotion key to name, cents and coupon code."""
    own_shares = (
        select(
            cast(_promotion.c.id, String).label("key"),
            _promotion.c.name,
            (-shares.c.cents).label("cents"),
            case((_promotion.c.coupon_required, copies.c.coupon_code)).label("coupon_code"),
        )
        .select_from(shares)
        .join(_promotion, _promotion.c.id == shares.c.promotion_id)
        .join(copies, copies.c.factory_id == shares.c.factory_id)
        .where(shares.c.line_item_id == line_item_id)
        .order_by(shares.c.nth)
        .correlate_except(shares, _promotion, copies)
        .subquery("mine")
    )
    members = (
        "name",
        own_shares.c.name,
        "cents",
        own_shares.c.cents,
        "coupon_code",
        own_shares.c.coupon_code,
    )
    members_by_key = gather_object(db, own_shares.c.key, build_object(db, *members))
    return type_coerce(select(members_by_key).scalar_subquery(), JsonObject)


@cache
def _insert_shares() -> Insert:
    """Insert each line's share of the promotions of one round.

    Shares are rounded down. The remaining cents go to the lines with the largest remainders, and
    of equal ones to the earlier line.
    """
    portions = _portions()
    rank = func.row_number().over(
        partition_by=portions.c.factory_id,
        order_by=(portions.c.remainder.desc(), portions.c.line_item_id),
    )
    portion_sum = cast(
        func.sum(portions.c.portion).over(partition_by=portions.c.factory_id), BigInteger
    )
    ranked = select(portions, rank.label("rank"), portion_sum.label("portion_sum")).subquery(
        "ranked"
    )
    one_more = case((ranked.c.rank <= ranked.c.off - ranked.c.portion_sum, 1), else_=0)
    cents = ranked.c.portion + one_more
    rows = select(
        ranked.c.line_item_id, ranked.c.promotion_id, ranked.c.factory_id, ranked.c.nth, cents
    ).where(cents > 0)
    names = ["line_item_id", "promotion_id", "factory_id", "nth", "cents"]
    return insert(shares).from_select(names, rows)


def _portions() -> Subquery:
    """Select each line's share of the discount, rounded down, the remainder and the discount."""
    remaining_cents = discountable.c.left_cents
    base = cast(func.sum(remaining_cents).over(partition_by=granted.c.factory_id), BigInteger)
    lines = (
        select(
            granted.c.factory_id,
            granted.c.promotion_id,
            granted.c.nth,
            discountable.c.line_item_id,
            remaining_cents.label("left"),
            base.label("base"),
            _promotion.c.type,
            _promotion.c.percentage,
            _promotion.c.fixed_amount_cents,
        )
        .select_from(granted)
        .join(_promotion, _promotion.c.id == granted.c.promotion_id)
        .join(
            discountable,
            and_(
                discountable.c.factory_id == granted.c.factory_id,
                applies_to(_promotion, discountable),
            ),
        )
        .where(granted.c.nth == _NTH, remaining_cents > 0)
        .subquery("lines")
    )
    columns = lines.c
    is_percentage = columns.type == PromotionType.PERCENTAGE.value
    off = case(
        (is_percentage, (2 * columns.base * columns.percentage + 100) // 200),
        (columns.fixed_amount_cents < columns.base, columns.fixed_amount_cents),
        else_=columns.base,
    )
    whole = select(lines, off.label("off")).subquery("whole")
    columns = whole.c
    # A percentage applies to each line. An amount is divided in proportion to the lines' amounts.
    is_percentage = columns.type == PromotionType.PERCENTAGE.value
    portion = case(
        (is_percentage, columns.left * columns.percentage // 100),
        else_=mul_div(columns.off, columns.left, columns.base),
    )
    remainder = case(
        (is_percentage, columns.left * columns.percentage % 100),
        else_=mul_mod(columns.off, columns.left, columns.base),
    )
    return select(
        columns.factory_id,
        columns.promotion_id,
        columns.nth,
        columns.line_item_id,
        columns.off,
        portion.label("portion"),
        remainder.label("remainder"),
    ).subquery("portions")


@cache
def _update_left() -> Update:
    is_line = shares.c.line_item_id == discountable.c.line_item_id
    return (
        update(discountable)
        .where(is_line, shares.c.factory_id == discountable.c.factory_id, shares.c.nth == _NTH)
        .values(left_cents=discountable.c.left_cents - shares.c.cents)
    )


def _total(cents: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(cents), BigInteger).label("cents")
