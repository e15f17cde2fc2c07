"""Uses: a limited coupon or promotion is never used too often, even by concurrent orders."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Connection,
    Insert,
    SmallInteger,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    union,
    union_all,
    update,
)

from order_factory.models.database.row_locks import lock_rows
from order_factory.models.tables import Coupon, Promotion
from order_factory.tasks.promotions.coupons import USED_BY_CUSTOMER, USED_UP, record_problems
from order_factory.tasks.promotions.tables import copy_coupons, coupon_problems, coupon_uses, shares
from order_factory.tasks.stock.shares import select_wanted_before
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
)
from order_factory.tasks.working_set.tables import GRANTED, OPEN, REFUSED, contested, copies

_coupon, _promotion = table_of(Coupon), table_of(Promotion)
_coupon_of_copy = copy_coupons.c.factory_id == copies.c.factory_id
_uses_coupon = and_(_coupon_of_copy, copies.c.coupon_code.is_not(None))
_BY_COUPON, _BY_PROMOTION, _BY_CUSTOMER = 1, 2, 3
# Below the numbers of the stock's shares for copies with `skip_errors`.
_SHARES_BELOW = 2**40


def lock_limited(db: Connection, now: datetime) -> None:
    """Lock the limited promotions and coupons that the copies may use, until the commit.

    They are locked in the order of their keys. On SQLite a writing transaction locks the whole
    database.
    """
    of_coupons = select(copy_coupons.c.promotion_id)
    mode = select(copies.c.mode).limit(1).scalar_subquery()
    some_applied = exists().where(copies.c.apply_promotions)
    may_apply = and_(some_applied, _promotion.c.mode == mode, _promotion.c.expires_at > NOW)
    promotions = select(_promotion.c.id).where(
        _promotion.c.total_usage_limit.is_not(None),
        or_(_promotion.c.id.in_(of_coupons), may_apply),
    )
    coupons = select(_coupon.c.id).where(
        _coupon.c.id.in_(select(copy_coupons.c.coupon_id)),
        or_(_coupon.c.usage_limit.is_not(None), _coupon.c.customer_single_use),
    )
    for rows, table in ((promotions, _promotion), (coupons, _coupon)):
        lock_rows(db, table, rows, now=now)


def contest_uses(db: Connection) -> int:
    """Insert the limits that the copies' valid coupons use into `tmp_contested`. Returns the rows.

    Their numbers there are below zero, unlike the keys of SKUs. A coupon that may be left out is a
    separate share.
    """
    if not execute_and_count(db, _insert_uses()):
        return 0
    share = case(
        (
            or_(copies.c.skip_errors, copies.c.ignore_invalid_coupon),
            -_SHARES_BELOW - copies.c.factory_id,
        ),
        else_=copies.c.factory_id,
    )
    rows = select(
        copies.c.factory_id,
        coupon_uses.c.resource,
        share,
        literal(1),
        coupon_uses.c.available,
        false(),
        literal(OPEN),
    ).select_from(copies.join(coupon_uses, coupon_uses.c.factory_id == copies.c.factory_id))
    names = ["factory_id", "sku_id", "share", "quantity", "available", "partial", "state"]
    return execute_and_count(db, insert_counted(contested, names, rows))


def record_used_up(db: Connection) -> int:
    """Record the coupons that earlier orders have used up. Returns the number of errors."""
    db.execute(coupon_problems.delete())
    demand = select_wanted_before(contested.c.state == GRANTED)
    kinds = (
        (USED_UP, coupon_uses.c.kind != _BY_CUSTOMER),
        (USED_BY_CUSTOMER, coupon_uses.c.kind == _BY_CUSTOMER),
    )
    refused = [
        select(copies.c.factory_id, literal(code.value).label("code"), message.label("message"))
        .distinct()
        .select_from(
            copies.join(coupon_uses, coupon_uses.c.factory_id == copies.c.factory_id).join(
                demand,
                and_(
                    demand.c.factory_id == coupon_uses.c.factory_id,
                    demand.c.sku_id == coupon_uses.c.resource,
                ),
            )
        )
        .where(kind, demand.c.state == REFUSED, demand.c.before >= demand.c.available)
        for (code, message), kind in kinds
    ]
    all_rows = union_all(*refused).subquery("every")
    errors_count = execute_and_count(
        db, insert_counted(coupon_problems, ["factory_id", "code", "message"], select(all_rows))
    )
    return record_problems(db) if errors_count else 0


def increase_usage_counts(db: Connection, now: datetime) -> None:
    """Add the targets' uses to the counts of their coupons and promotions."""
    used_coupons = select(copy_coupons).where(_uses_coupon, copies.c.valid).subquery("made")
    by_coupon = select(used_coupons.c.coupon_id.label("id"), used_coupons.c.factory_id)
    by_promotion = union(
        select(used_coupons.c.promotion_id.label("id"), used_coupons.c.factory_id),
        select(shares.c.promotion_id, shares.c.factory_id),
    )
    for table, count, uses in (
        (_promotion, _promotion.c.total_usage_count, by_promotion.subquery("uses")),
        (_coupon, _coupon.c.usage_count, by_coupon.subquery("uses")),
    ):
        used = (
            select(uses.c.id, func.count().label("times"))
            .where(uses.c.id.is_not(None))
            .group_by(uses.c.id)
            .subquery("used")
        )
        lock_rows(db, table, select(used.c.id))
        statement = update(table).where(table.c.id == used.c.id)
        db.execute(
            statement.values({count: count + used.c.times, table.c.updated_at: NOW}), {"now": now}
        )


def _insert_uses() -> Insert:
    """Insert a row per copy and limit that its valid coupon uses."""
    rows = (
        copies.join(copy_coupons, _uses_coupon)
        .join(_coupon, _coupon.c.id == copy_coupons.c.coupon_id)
        .join(_promotion, _promotion.c.id == copy_coupons.c.promotion_id)
    )
    no_customer = literal("")
    is_invalid = exists().where(coupon_problems.c.factory_id == copies.c.factory_id)
    limits = (
        (_BY_COUPON, _coupon.c.id, no_customer, _coupon.c.usage_limit - _coupon.c.usage_count),
        (
            _BY_PROMOTION,
            _promotion.c.id,
            no_customer,
            _promotion.c.total_usage_limit - _promotion.c.total_usage_count,
        ),
        (
            _BY_CUSTOMER,
            _coupon.c.id,
            copy_coupons.c.customer_key,
            case((_coupon.c.customer_single_use, literal(1))),
        ),
    )
    all_rows = union_all(
        *(
            select(
                copies.c.factory_id,
                cast(literal(kind), SmallInteger).label("kind"),
                key.label("id"),
                owner.label("owner"),
                cast(available, BigInteger).label("available"),
            )
            .select_from(rows)
            .where(available.is_not(None), owner.is_not(None), not_(is_invalid))
            for kind, key, owner, available in limits
        )
    ).subquery("every")
    number = func.dense_rank().over(order_by=(all_rows.c.kind, all_rows.c.id, all_rows.c.owner))
    values = select(all_rows.c.factory_id, -number, all_rows.c.kind, all_rows.c.available)
    return insert_counted(coupon_uses, ["factory_id", "resource", "kind", "available"], values)
