"""Target orders: they have the columns of their source, and refer to rows of one mode."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, not_, null, or_, select

from order_factory.models.tables import (
    Address,
    Customer,
    OrderFactoryBatch,
    PaymentMethod,
    PaymentSource,
)
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.public_ids import Resource
from order_factory.tasks.copying.prices import REFRESHED_PRICES
from order_factory.tasks.verify.changed_orders import EXPECTED_VALUES, has_unrequested_change
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.recomputed import coupon_is_left_out
from order_factory.tasks.verify.rows import (
    copied,
    copy_error,
    differs,
    factory,
    has_error,
    is_unedited,
    parts_differ,
    source,
    target,
)
from order_factory.tasks.working_set.order_amounts import AMOUNTS
from order_factory.tasks.working_set.statements import table_of

# Columns that a target order does not take over from its source, or that other invariants check.
_NOT_COPIED = (
    "number",
    "order_factory_id",
    "status",
    "payment_status",
    "fulfillment_status",
    "customer_id",
    "customer_email",
    "customer_email_key",
    *EXPECTED_VALUES,
    *AMOUNTS,
    "billing_address_id",
    "shipping_address_id",
    "payment_source_id",
    "placed_at",
    "approved_at",
    "cancelled_at",
    "archived_at",
    "refreshed_at",
    "reference",
    "reference_origin",
    "coupon_code",
    "gift_card_code",
    "coupon_code_key",
    "gift_card_code_key",
    "metadata",
)
_BARRED = (ErrorCode.CUSTOMER_BLOCKED, ErrorCode.CUSTOMER_DELETED)


def _find_changed_orders(db: Connection) -> Select[Any]:
    """Select targets that differ, apart from left-out coupons and the prices in the metadata."""
    has, had = target.c, source.c
    coupon = and_(has.coupon_code.is_distinct_from(had.coupon_code), not_(coupon_is_left_out))
    parts = case(
        (
            or_(factory.c.refresh_prices, factory.c.applied_repeat_skus.is_not(None)),
            parts_differ(db, target, source, without=REFRESHED_PRICES),
        ),
        else_=parts_differ(db, target, source),
    )
    # A copy has no gift card code. Copies of earlier versions may have that of their source.
    card = and_(
        has.gift_card_code.is_not(None), has.gift_card_code.is_distinct_from(had.gift_card_code)
    )
    rows = select(target.c.id).select_from(copied).where(is_unedited(source, target))
    changed = (differs(target, source, *_NOT_COPIED), has_unrequested_change(), coupon, card, parts)
    return rows.where(or_(*changed, *_find_changed_comparison_keys()))


def _find_changed_comparison_keys() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a comparison key differs although its value is the same."""
    has, had = target.c, source.c
    coupon = case(
        (has.coupon_code.is_(None), null()),
        else_=func.coalesce(had.coupon_code_key, had.coupon_code),
    )
    email = case(
        (has.customer_email.is_(None), null()),
        # Another invariant checks the email and the key of a customer that the copy names.
        (factory.c.target_customer.is_not(None), has.customer_email_key),
        (
            has.customer_email == had.customer_email,
            func.coalesce(had.customer_email_key, had.customer_email),
        ),
        else_=has.customer_email_key,
    )
    card = case(
        (has.gift_card_code.is_(None), null()),
        else_=func.coalesce(had.gift_card_code_key, had.gift_card_code),
    )
    return (
        has.gift_card_code_key.is_distinct_from(card),
        has.coupon_code_key.is_distinct_from(coupon),
        has.customer_email_key.is_distinct_from(email),
    )


def _find_changed_customers() -> Select[Any]:
    customer = table_of(Customer)
    left_out = and_(factory.c.skip_errors, has_error(copy_error.c.code.in_(_BARRED)))
    customer_id = case((left_out, null()), else_=source.c.customer_id)
    own_email = func.nullif(source.c.customer_email, "")
    email = case((left_out, null()), else_=func.coalesce(own_email, customer.c.email))
    # If the source has no email, the copy has the email that the customer had at that time.
    comparable = or_(own_email.is_not(None), customer.c.id.is_(None), is_unedited(customer))
    return (
        select(target.c.id)
        .select_from(copied.outerjoin(customer, customer.c.id == source.c.customer_id))
        .where(is_unedited(source, target), factory.c.target_customer.is_(None))
        .where(
            or_(
                target.c.customer_id.is_distinct_from(customer_id),
                and_(comparable, target.c.customer_email.is_distinct_from(email)),
            )
        )
    )


def _find_crossed_modes() -> Select[Any]:
    batch, customer = table_of(OrderFactoryBatch), table_of(Customer)
    method, payment = table_of(PaymentMethod), table_of(PaymentSource)
    address = table_of(Address)
    billing, shipping = address.alias("billing"), address.alias("shipping")
    rows = factory.join(source, source.c.id == factory.c.source_order_id)
    rows = rows.outerjoin(target, target.c.id == factory.c.target_order_id)
    rows = rows.outerjoin(batch, batch.c.id == factory.c.batch_id)
    rows = rows.outerjoin(customer, customer.c.id == target.c.customer_id)
    rows = rows.outerjoin(billing, billing.c.id == target.c.billing_address_id)
    rows = rows.outerjoin(shipping, shipping.c.id == target.c.shipping_address_id)
    rows = rows.outerjoin(method, method.c.id == target.c.payment_method_id)
    rows = rows.outerjoin(payment, payment.c.id == target.c.payment_source_id)
    parts = (source, target, batch, customer, billing, shipping, method, payment)
    crossed = or_(*(part.c.mode != factory.c.mode for part in parts))
    return select(factory.c.id).select_from(rows).where(crossed)


INVARIANTS = (
    Invariant(
        "mode-not-crossed",
        "A factory, its batch, its source, its target and the rows that the target refers to have "
        "the same mode.",
        Resource.order_factories,
        _find_crossed_modes(),
    ),
    Invariant(
        "same-customer",
        "A target order has the customer and the email of its source, unless its copy names "
        "another customer. It has neither if skip_errors left them out.",
        Resource.orders,
        _find_changed_customers(),
    ),
    Invariant(
        "order-columns",
        "All other columns of a target order equal those of its source, except for the values that "
        "its copy requests, a coupon that was left out, the prices in its metadata, and what "
        "keep_metadata and keep_references leave out.",
        Resource.orders,
        _find_changed_orders,
    ),
)
