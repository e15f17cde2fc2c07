"""Payments: the requests to gateways and their answers agree with the orders."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, exists, func, not_, or_, select

from order_factory.models.tables import Order, ShopIdentity, Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import FactoryStatus, OrderStatus, PaymentStatus
from order_factory.tasks.payments.claiming import is_confirmable
from order_factory.tasks.payments.keys import (
    authorization_key,
    batch,
    void_key,
)
from order_factory.tasks.payments.open_payments import SETTLED_STATUSES
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import copied, factory, is_unedited, target
from order_factory.tasks.working_set.statements import table_of

_order, _transaction = table_of(Order), table_of(Transaction)
_of_order = _transaction.join(_order, _order.c.id == _transaction.c.order_id)
_is_authorization = _transaction.c.type == TransactionType.AUTHORIZATIONS
_is_void = _transaction.c.type == TransactionType.VOIDS
_succeeded = _transaction.c.status == TransactionStatus.SUCCEEDED
# The error of a copy whose subscription ended before the payment.
ENDED_CODE = ErrorCode.ORDER_SUBSCRIPTION_ENDED
_unknown = _transaction.c.status == TransactionStatus.UNKNOWN


def awaits_gateway() -> ColumnElement[bool]:
    """Whether the factory has a transaction without an answer."""
    return exists().where(_transaction.c.order_factory_id == factory.c.id, _unknown)


def _find_placing_without_request() -> Select[Any]:
    has_open_call = exists().where(
        _transaction.c.order_id == target.c.id, _is_authorization, _unknown
    )
    rows = select(target.c.id).select_from(copied).where(is_unedited(target))
    return rows.where((target.c.status == OrderStatus.PLACING) != has_open_call)


def _find_in_progress_without_request() -> Select[Any]:
    in_progress = factory.c.status == FactoryStatus.IN_PROGRESS
    return select(factory.c.id).where(
        factory.c.target_order_id.is_not(None), in_progress != awaits_gateway()
    )


def _find_authorized_amounts() -> Select[Any]:
    is_own_authorization = and_(
        _transaction.c.order_id == target.c.id, _is_authorization, _succeeded
    )
    held = exists().where(
        is_own_authorization,
        _transaction.c.amount_cents == target.c.total_amount_with_taxes_cents,
        _transaction.c.currency_code == target.c.currency_code,
        _transaction.c.mode == target.c.mode,
    )
    authorized = target.c.payment_status == PaymentStatus.AUTHORIZED
    wrong = or_(
        and_(authorized, not_(held)),
        and_(exists().where(is_own_authorization), not_(and_(authorized, held))),
    )
    return select(target.c.id).select_from(copied).where(is_unedited(target), wrong)


def _find_authorized_twice() -> Select[Any]:
    rows = select(_transaction.c.order_id).where(_is_authorization, _succeeded)
    return rows.group_by(_transaction.c.order_id).having(func.count() > 1)


def _find_same_key() -> Select[Any]:
    """Select the newest of the transactions that share a key."""
    rows = select(func.max(_transaction.c.id))
    return rows.group_by(_transaction.c.idempotency_key).having(func.count() > 1)


def _find_keys_of_others() -> Select[Any]:
    """Select the requests for copies whose key differs from the one that this shop derives.

    Keys may differ if they are older than the database's adoption as another shop, or than the
    derivation of keys. The names of a copy, from which its key is derived, can be edited later.
    """
    shop, asked = table_of(ShopIdentity), _transaction.alias("asked")
    paid, before = _transaction.alias("paid"), _transaction.alias("before")
    since = select(func.coalesce(shop.c.adopted_at, shop.c.created_at)).scalar_subquery()
    named_at = func.coalesce(factory.c.completed_at, factory.c.failed_at, factory.c.started_at)
    rows = (
        asked.join(factory, factory.c.id == asked.c.order_factory_id)
        .outerjoin(batch, batch.c.id == factory.c.batch_id)
        .outerjoin(paid, paid.c.id == asked.c.authorization_id)
    )
    earlier = select(func.count()).where(
        before.c.order_id == asked.c.order_id,
        before.c.type == TransactionType.AUTHORIZATIONS,
        before.c.id < asked.c.id,
    )
    number = earlier.scalar_subquery() + 1
    void = void_key(paid.c.id, paid.c.idempotency_key, _transaction.c.id < asked.c.id)
    of_other_copy = and_(
        asked.c.type == TransactionType.AUTHORIZATIONS,
        factory.c.updated_at <= named_at,
        asked.c.idempotency_key.not_in([authorization_key(), authorization_key(number)]),
    )
    of_other_void = and_(asked.c.type == TransactionType.VOIDS, asked.c.idempotency_key != void)
    return (
        select(asked.c.id)
        .select_from(rows)
        .where(asked.c.created_at > since, or_(of_other_copy, of_other_void))
    )


def _find_charged_after_end() -> Select[Any]:
    """Select aborted copies whose order is not cancelled, or whose payment a gateway holds."""
    void = _transaction.alias("void")
    voided = select(void.c.authorization_id).where(
        void.c.authorization_id.is_not(None),
        void.c.type == TransactionType.VOIDS,
        void.c.status == TransactionStatus.SUCCEEDED,
    )
    held = exists().where(
        _transaction.c.order_id == target.c.id,
        _is_authorization,
        _succeeded,
        _transaction.c.id.not_in(voided),
    )
    wrong = or_(target.c.status != OrderStatus.CANCELLED, held.correlate(target))
    rows = select(factory.c.id).select_from(copied)
    return rows.where(factory.c.status == FactoryStatus.ABORTED, wrong)


def _find_voided_and_kept() -> Select[Any]:
    """Select voids of authorized payments whose order does not have the status of a void.

    After a void for a copy, the order is cancelled.
    """
    paid = _transaction.alias("paid")
    was_authorized = exists().where(
        paid.c.id == _transaction.c.authorization_id,
        paid.c.status == TransactionStatus.SUCCEEDED,
    )
    is_not_cancelled = and_(
        _transaction.c.order_factory_id.is_not(None), _order.c.status != OrderStatus.CANCELLED
    )
    wrong = or_(is_not_cancelled, _order.c.payment_status != PaymentStatus.VOIDED)
    rows = select(_transaction.c.id).select_from(_of_order)
    return rows.where(_is_void, _succeeded, was_authorized, wrong)


def _find_open_payments() -> Select[Any]:
    """Select payments that a customer may still confirm although the order needs none."""
    void = _transaction.alias("void")
    has_void = exists().where(
        void.c.order_id == _transaction.c.order_id, void.c.authorization_id == _transaction.c.id
    )
    rows = select(_transaction.c.id).select_from(_of_order)
    return rows.where(
        is_confirmable(_transaction), _order.c.status.in_(SETTLED_STATUSES), not_(has_void)
    )


def _select_sums() -> Subquery:
    """Select the authorized, captured and refunded cents of each order and currency.

    A capture or a refund without an answer counts, because it may have been made.
    """

    def add_up(kind: TransactionType, status: ColumnElement[bool]) -> ColumnElement[int]:
        is_counted = and_(_transaction.c.type == kind, status)
        return func.sum(case((is_counted, _transaction.c.amount_cents), else_=0))

    is_possible = _transaction.c.status != TransactionStatus.FAILED
    return (
        select(
            _transaction.c.order_id,
            add_up(TransactionType.AUTHORIZATIONS, _succeeded).label("authorized"),
            add_up(TransactionType.CAPTURES, is_possible).label("captured"),
            add_up(TransactionType.CAPTURES, _succeeded).label("surely_captured"),
            add_up(TransactionType.REFUNDS, is_possible).label("refunded"),
            add_up(TransactionType.REFUNDS, _succeeded).label("surely_refunded"),
        )
        .group_by(_transaction.c.order_id, _transaction.c.currency_code)
        .subquery("sums")
    )


def _find_captured_too_much() -> Select[Any]:
    sums = _select_sums()
    return select(sums.c.order_id).where(sums.c.captured > sums.c.authorized)


def _find_refunded_too_much() -> Select[Any]:
    sums = _select_sums()
    return select(sums.c.order_id).where(sums.c.refunded > sums.c.surely_captured)


def _find_paid_unlike_captures() -> Select[Any]:
    """Select orders whose payment status does not match their captures and refunds here."""
    sums = _select_sums()
    captured, refunded = sums.c.surely_captured, sums.c.surely_refunded
    status = _order.c.payment_status
    fits = case(
        (refunded >= captured, status == PaymentStatus.REFUNDED),
        (refunded > 0, status == PaymentStatus.PARTIALLY_REFUNDED),
        else_=status.in_([PaymentStatus.PAID, PaymentStatus.PARTIALLY_PAID]),
    )
    rows = select(_order.c.id).join(sums, sums.c.order_id == _order.c.id)
    return rows.where(captured > 0, not_(fits))


def _find_requested_but_not_placing() -> Select[Any]:
    """Select orders whose authorization waits for an answer and which are not being placed."""
    rows = select(_order.c.id).select_from(_of_order)
    return rows.where(_is_authorization, _unknown, _order.c.status != OrderStatus.PLACING)


INVARIANTS = (
    Invariant(
        "placing-waits-for-gateway",
        "A target order is being placed exactly while a gateway's answer about it is missing.",
        Resource.orders,
        _find_placing_without_request(),
    ),
    Invariant(
        "in-progress-waits-for-gateway",
        "A factory with a target order is in progress exactly while a gateway's answer is missing.",
        Resource.order_factories,
        _find_in_progress_without_request(),
    ),
    Invariant(
        "authorized-is-its-total",
        "A target order is authorized exactly if a gateway holds its total, in its currency.",
        Resource.orders,
        _find_authorized_amounts(),
    ),
    Invariant(
        "asked-is-placing",
        "An order whose authorization waits for a gateway is being placed.",
        Resource.orders,
        _find_requested_but_not_placing(),
    ),
    Invariant(
        "captured-within-authorized",
        "In each currency, no more is captured for an order than was authorized.",
        Resource.orders,
        _find_captured_too_much(),
    ),
    Invariant(
        "refunded-within-captured",
        "In each currency, no more is refunded for an order than was captured.",
        Resource.orders,
        _find_refunded_too_much(),
    ),
    Invariant(
        "paid-is-captured",
        "The payment status of an order matches its captures and refunds.",
        Resource.orders,
        _find_paid_unlike_captures(),
    ),
    Invariant(
        "authorized-once",
        "No order has more than one payment that a gateway has authorized.",
        Resource.orders,
        _find_authorized_twice(),
    ),
    Invariant(
        "payment-key-used-once",
        "No two transactions have the same idempotency key.",
        Resource.transactions,
        _find_same_key(),
    ),
    Invariant(
        "payment-key-of-this-shop",
        "A transaction has the idempotency key that this shop derives from its order.",
        Resource.transactions,
        _find_keys_of_others(),
    ),
    Invariant(
        "ended-subscription-not-charged",
        "The order of a copy that was aborted is cancelled, and no gateway holds its payment.",
        Resource.order_factories,
        _find_charged_after_end(),
    ),
    Invariant(
        "voided-is-cancelled",
        "An order whose payment was voided has that payment status, and is cancelled if a copy "
        "replaced it or its subscription ended.",
        Resource.transactions,
        _find_voided_and_kept(),
    ),
    Invariant(
        "open-payment-is-voided",
        "No payment waits for the customer of an order that is placed or cancelled, unless its "
        "void was requested.",
        Resource.transactions,
        _find_open_payments(),
    ),
)
