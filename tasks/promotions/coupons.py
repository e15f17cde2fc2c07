"""Coupons: check those of the source orders, and leave out the invalid ones."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    String,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    union_all,
    update,
)

from order_factory.models.database.dialects import day
from order_factory.models.tables import Coupon, Customer, Order, OrderFactory, Promotion
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.promotions.goods import goods_cents, has_listed_goods
from order_factory.tasks.promotions.leaving_out import leave_coupon_discounts_out
from order_factory.tasks.promotions.tables import copy_coupons, coupon_problems
from order_factory.tasks.working_set.amount_texts import describe_amount
from order_factory.tasks.working_set.copy_errors import insert_errors, select_any_copy
from order_factory.tasks.working_set.statements import (
    NOW,
    execute_and_count,
    insert_counted,
    table_of,
)
from order_factory.tasks.working_set.tables import copies

_coupon, _promotion = table_of(Coupon), table_of(Promotion)
_source, _customer, _factory = table_of(Order), table_of(Customer), table_of(OrderFactory)
_coupon_name: ColumnElement[str] = literal("coupon ") + copies.c.coupon_code
_has_code = copies.c.coupon_code != ""

USED_UP = (ErrorCode.COUPON_USED_UP, _coupon_name + " is used up")
USED_BY_CUSTOMER = (
    ErrorCode.COUPON_USED_BY_CUSTOMER,
    _coupon_name + " has been used by the customer already",
)

_SHOP_HAS_COUPONS = select(
    exists()
    .select_from(copies)
    .where(_has_code, exists().where(_coupon.c.mode == copies.c.mode).correlate(copies))
)


def find_coupons(db: Connection) -> bool:
    """Look up the coupons of the current copies. Returns whether there are any to check.

    A shop may have orders with coupon codes of another system and no coupons at all. Then there is
    nothing to check and the codes are copied as they are, except for orders whose promotions are
    recomputed.
    """
    if not db.scalar(select_any_copy(_has_code)):
        return False
    if not db.scalar(_SHOP_HAS_COUPONS) and not db.scalar(
        select_any_copy(and_(_has_code, copies.c.apply_promotions))
    ):
        return False
    db.execute(_insert_held_coupons())
    return True


def check_coupons(db: Connection, now: datetime) -> int:
    """Record what is wrong with the coupons, except their limits. Returns the number of errors.

    `skip_errors` leaves an invalid coupon out. `ignore_invalid_coupon` leaves it out without an
    error.
    """
    keeps_promotions = not_(copies.c.apply_promotions)
    shop_has_no_coupons = not_(exists().where(_coupon.c.mode == copies.c.mode).correlate(copies))
    errors_count = execute_and_count(
        db, _insert_problems(and_(keeps_promotions, shop_has_no_coupons)), now=now
    )
    return record_problems(db) if errors_count else 0


def record_problems(db: Connection) -> int:
    """Record the problems as errors and leave the coupons out. Returns the number of errors."""
    problem_of_copy = coupon_problems.c.factory_id == copies.c.factory_id
    errors_count = 0
    codes = set(db.scalars(select(coupon_problems.c.code).distinct()))
    for code in [kind for kind, _, _ in _problems() if kind in codes]:
        errors_count += execute_and_count(
            db,
            insert_errors(
                code,
                coupon_problems.c.message,
                coupon_problems.c.code == code,
                not_(copies.c.ignore_invalid_coupon),
                joins=[(coupon_problems, problem_of_copy)],
            ),
        )
    _leave_out(db, exists().where(problem_of_copy).correlate(copies))
    return errors_count


def _leave_out(db: Connection, is_invalid: ColumnElement[bool]) -> None:
    """Remove an invalid coupon's code and discounts from the copies that leave it out."""
    leaves_out = and_(
        _has_code, or_(copies.c.ignore_invalid_coupon, copies.c.skip_errors), is_invalid
    )
    leave_coupon_discounts_out(db, leaves_out)
    db.execute(update(copies).values(coupon_code=null(), coupon_code_key=null()).where(leaves_out))


def _insert_held_coupons() -> Insert:
    """Insert a row per copy with a coupon code."""
    account = select(_customer.c.id).where(
        _customer.c.mode == copies.c.mode,
        _customer.c.email_key == copies.c.customer_email_key,
    )
    person = func.coalesce(
        copies.c.customer_id, account.order_by(_customer.c.id).limit(1).scalar_subquery()
    )
    values: dict[str, ColumnElement[object]] = {
        "factory_id": copies.c.factory_id,
        "coupon_id": _coupon.c.id,
        "promotion_id": _coupon.c.promotion_id,
        # A guest and the customer with the same email are the same person.
        "customer_id": person,
        "customer_key": func.coalesce(cast(person, String), copies.c.customer_email_key),
    }
    same_code = and_(
        _coupon.c.mode == copies.c.mode, _coupon.c.code_key == copies.c.coupon_code_key
    )
    rows = (
        select(*values.values()).select_from(copies.outerjoin(_coupon, same_code)).where(_has_code)
    )
    return insert(copy_coupons).from_select(list(values), rows)


def _insert_problems(excused: ColumnElement[bool]) -> Insert:
    """Insert a row per copy and problem of its coupon."""
    rows: FromClause = (
        copies.join(copy_coupons, copy_coupons.c.factory_id == copies.c.factory_id)
        .join(_source, _source.c.id == copies.c.source_order_id)
        .outerjoin(_coupon, _coupon.c.id == copy_coupons.c.coupon_id)
        .outerjoin(_promotion, _promotion.c.id == copy_coupons.c.promotion_id)
    )
    problems = [
        select(
            copies.c.factory_id,
            literal(code.value).label("code"),
            cast(message, String).label("message"),
        )
        .select_from(rows)
        .where(condition, not_(excused))
        for code, message, condition in _problems()
    ]
    all_problems = union_all(*problems).subquery("every")
    return insert_counted(coupon_problems, ["factory_id", "code", "message"], select(all_problems))


def _problems() -> list[tuple[ErrorCode, ColumnElement[str], ColumnElement[bool]]]:
    """Return the kinds of problem: code, message, condition."""
    exists_ = _coupon.c.id.is_not(None)
    ends_first = or_(
        _promotion.c.expires_at.is_(None), _coupon.c.expires_at <= _promotion.c.expires_at
    )
    expires_at = case((ends_first, _coupon.c.expires_at), else_=_promotion.c.expires_at)
    goods, minimum = goods_cents(), _promotion.c.order_amount_cents
    used_up = or_(
        _coupon.c.usage_count >= _coupon.c.usage_limit,
        _promotion.c.total_usage_count >= _promotion.c.total_usage_limit,
    )
    kinds: list[tuple[ErrorCode, ColumnElement[str], ColumnElement[bool]]] = [
        (ErrorCode.COUPON_UNKNOWN, _coupon_name + " does not exist", not_(exists_)),
        (
            ErrorCode.COUPON_NOT_STARTED,
            _coupon_name + " is not valid before " + day(_promotion.c.starts_at),
            _promotion.c.starts_at > NOW,
        ),
        (
            ErrorCode.COUPON_EXPIRED,
            _coupon_name + " expired on " + day(expires_at),
            expires_at <= NOW,
        ),
        (
            ErrorCode.COUPON_DISABLED,
            _coupon_name + " belongs to a disabled promotion",
            _promotion.c.disabled_at <= NOW,
        ),
        (
            ErrorCode.COUPON_OTHER_CURRENCY,
            _coupon_name + " is for orders in " + _promotion.c.currency_code,
            _promotion.c.currency_code != copies.c.currency_code,
        ),
        (
            ErrorCode.COUPON_OTHER_CUSTOMER,
            _coupon_name + " is for another customer",
            and_(
                _coupon.c.recipient_email.is_not(None),
                _coupon.c.recipient_email_key != func.coalesce(copies.c.customer_email_key, ""),
            ),
        ),
        (*USED_UP, used_up),
        (*USED_BY_CUSTOMER, _was_used()),
        (
            ErrorCode.COUPON_BELOW_MINIMUM,
            _coupon_name
            + " needs goods worth "
            + describe_amount(minimum, copies.c.currency_code)
            + " or more; these are worth "
            + describe_amount(goods, copies.c.currency_code),
            and_(minimum.is_not(None), goods < minimum),
        ),
        (
            ErrorCode.COUPON_OTHER_SKUS,
            _coupon_name + " is for SKUs that the order does not have",
            and_(
                _promotion.c.sku_list_id.is_not(None),
                not_(has_listed_goods(_promotion.c.sku_list_id)),
            ),
        ),
    ]
    return [
        (code, words, and_(exists_ if nth else literal(True), condition))
        for nth, (code, words, condition) in enumerate(kinds)
    ]


def _was_used() -> ColumnElement[bool]:
    """Return whether the person has another order with the coupon: a placed order, or a copy.

    A guest with the email of a customer is the same person; any other guest is identified by the
    email. An order of a customer belongs to that customer, whatever its email. A copy that should
    have been placed and was not has not used the coupon. A source order that its copy replaces does
    not count.
    """
    order = table_of(Order).alias("earlier")
    placed = order.c.status.in_([OrderStatus.PLACING, OrderStatus.PLACED, OrderStatus.APPROVED])
    to_be_placed = exists().where(
        _factory.c.id == order.c.order_factory_id, _factory.c.place_target_order
    )
    is_copy = and_(
        order.c.order_factory_id.is_not(None),
        order.c.status != OrderStatus.CANCELLED,
        not_(to_be_placed.correlate(order)),
    )
    replaced = and_(copies.c.cancel_source_order, order.c.id == copies.c.source_order_id)
    uses_coupon = exists().where(
        order.c.coupon_code_key == copies.c.coupon_code_key,
        order.c.mode == copies.c.mode,
        or_(placed, is_copy),
        not_(replaced),
    )
    account = select(_customer.c.email_key).where(_customer.c.id == copy_coupons.c.customer_id)
    email = func.coalesce(account.scalar_subquery(), copies.c.customer_email_key)
    same_email = order.c.customer_email_key == email
    by_customer = uses_coupon.where(order.c.customer_id == copy_coupons.c.customer_id)
    by_guest = uses_coupon.where(order.c.customer_id.is_(None), same_email)
    return case(
        (not_(_coupon.c.customer_single_use), false()),
        else_=or_(by_customer.correlate_except(order), by_guest.correlate_except(order)),
    )
