"""Statuses: they match the times of a factory, and the placement of a target order."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, not_, or_, select

from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import (
    FactoryStatus,
    FulfillmentStatus,
    OrderStatus,
    PaymentStatus,
)
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import (
    copied,
    copy_error,
    factory,
    has_error,
    is_unedited,
    target,
)

_could_not_be_placed = has_error(copy_error.c.code == ErrorCode.CANNOT_BE_PLACED)


def _find_times_against_status() -> Select[Any]:
    return select(factory.c.id).where(not_(_has_fitting_times()))


def _find_wrong_number_or_time() -> Select[Any]:
    has_number, has_time = target.c.number.is_not(None), target.c.placed_at.is_not(None)
    before = target.c.status.in_([OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.PLACING])
    after = target.c.status.in_([OrderStatus.PLACED, OrderStatus.APPROVED])
    return (
        select(target.c.id)
        .select_from(copied)
        .where(or_(not_(has_number), and_(before, has_time), and_(after, not_(has_time))))
    )


def _find_not_placed_as_requested() -> Select[Any]:
    excused = and_(factory.c.skip_errors, has_error(copy_error.c.field == "status"))
    return (
        select(factory.c.id)
        .select_from(copied)
        .where(factory.c.status == FactoryStatus.COMPLETED, factory.c.place_target_order)
        .where(target.c.placed_at.is_(None), not_(excused))
    )


def _find_placed_without_request() -> Select[Any]:
    barred = or_(not_(factory.c.place_target_order), _could_not_be_placed)
    rows = select(factory.c.id).select_from(copied)
    return rows.where(is_unedited(target), target.c.placed_at.is_not(None), barred)


def _find_targets_with_history() -> Select[Any]:
    begins = [OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.PLACING, OrderStatus.PLACED]
    paid = [PaymentStatus.UNPAID, PaymentStatus.FREE, PaymentStatus.AUTHORIZED]
    fresh = and_(
        target.c.status.in_(begins),
        target.c.payment_status.in_(paid),
        target.c.fulfillment_status.in_(
            [FulfillmentStatus.UNFULFILLED, FulfillmentStatus.NOT_REQUIRED]
        ),
        target.c.approved_at.is_(None),
        target.c.cancelled_at.is_(None),
    )
    return select(target.c.id).select_from(copied).where(is_unedited(target), not_(fresh))


def _has_fitting_times() -> ColumnElement[bool]:
    status, started = factory.c.status, factory.c.started_at
    completed, failed = factory.c.completed_at, factory.c.failed_at
    no_end = and_(completed.is_(None), failed.is_(None))
    # The tests for null come first: a comparison with null is neither true nor false.
    was_completed = and_(started.is_not(None), completed.is_not(None), failed.is_(None))
    was_failed = and_(started.is_not(None), failed.is_not(None), completed.is_(None))
    return case(
        (status == FactoryStatus.PENDING, and_(started.is_(None), no_end)),
        (status == FactoryStatus.IN_PROGRESS, and_(started.is_not(None), no_end)),
        (status == FactoryStatus.ABORTED, no_end),
        (and_(status == FactoryStatus.COMPLETED, was_completed), started <= completed),
        (and_(status == FactoryStatus.FAILED, was_failed), started <= failed),
        else_=false(),
    )


INVARIANTS = (
    Invariant(
        "times-fit-status",
        "A factory has the times of its start and end that its status requires, in this order. A "
        "pending factory has none.",
        Resource.order_factories,
        _find_times_against_status(),
    ),
    Invariant(
        "number-and-time-of-placement",
        "A target order has a number, and it has a placement time exactly if it was placed.",
        Resource.orders,
        _find_wrong_number_or_time(),
    ),
    Invariant(
        "placed-as-asked",
        "A completed factory that was to place its target order has placed it, unless skip_errors "
        "allows the errors that prevented it.",
        Resource.order_factories,
        _find_not_placed_as_requested(),
    ),
    Invariant(
        "not-placed-unasked",
        "A copy does not place a target order that it must not or cannot place.",
        Resource.order_factories,
        _find_placed_without_request(),
    ),
    Invariant(
        "target-without-history",
        "A target order has nothing of its source's history: no payment, fulfillment, approval, "
        "cancellation or reference.",
        Resource.orders,
        _find_targets_with_history(),
    ),
)
