"""Target orders: each factory that has copied has one, and no other factory has."""

from typing import Any

from sqlalchemy import Select, and_, exists, func, not_, select

from order_factory.models.tables import Order
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.payments import ENDED_CODE, awaits_gateway
from order_factory.tasks.verify.rows import copy_error, factory, has_error, target
from order_factory.tasks.working_set.statements import table_of

_order = table_of(Order)
_of_factory = factory.outerjoin(target, target.c.id == factory.c.target_order_id)
_of_order = _order.outerjoin(factory, factory.c.id == _order.c.order_factory_id)
_could_not_be_placed = has_error(copy_error.c.code == ErrorCode.CANNOT_BE_PLACED)


def _find_completed_without_target() -> Select[Any]:
    rows = select(factory.c.id).select_from(_of_factory)
    made_none = target.c.id.is_(None), factory.c.merge_into.is_(None)
    return rows.where(factory.c.status == FactoryStatus.COMPLETED, *made_none)


def _find_repeated_keys() -> Select[Any]:
    """Select the newest of the factories that share an idempotency key."""
    key = factory.c.idempotency_key
    rows = select(func.max(factory.c.id)).where(key.is_not(None))
    return rows.group_by(key).having(func.count() > 1)


def _find_several_targets() -> Select[Any]:
    factory_id = _order.c.order_factory_id
    rows = select(factory_id).where(factory_id.is_not(None))
    return rows.group_by(factory_id).having(func.count() > 1)


def _find_target_of_another() -> Select[Any]:
    rows = select(factory.c.id).select_from(_of_factory)
    return rows.where(
        factory.c.target_order_id.is_not(None),
        target.c.order_factory_id.is_distinct_from(factory.c.id),
    )


def _find_orphan_targets() -> Select[Any]:
    rows = select(_order.c.id).select_from(_of_order)
    return rows.where(
        _order.c.order_factory_id.is_not(None),
        factory.c.target_order_id.is_distinct_from(_order.c.id),
    )


def _find_failed_with_target() -> Select[Any]:
    return select(factory.c.id).where(
        factory.c.status == FactoryStatus.FAILED,
        factory.c.target_order_id.is_not(None),
        not_(_could_not_be_placed),
    )


def _find_unplaceable_without_target() -> Select[Any]:
    retry = factory.alias("again")
    handed_over = exists().where(retry.c.retry_of_id == factory.c.id)
    return select(factory.c.id).where(
        factory.c.status == FactoryStatus.FAILED,
        factory.c.target_order_id.is_(None),
        _could_not_be_placed,
        not_(handed_over),
    )


def _find_unfinished_with_target() -> Select[Any]:
    finished = [FactoryStatus.COMPLETED, FactoryStatus.FAILED]
    # Factories that wait for a gateway are copied already.
    is_waiting = and_(factory.c.status == FactoryStatus.IN_PROGRESS, awaits_gateway())
    # A copy whose subscription ended before the payment is aborted and keeps its order.
    is_ended = and_(
        factory.c.status == FactoryStatus.ABORTED, has_error(copy_error.c.code == ENDED_CODE)
    )
    # A retry has the order of the attempt before, from its creation on.
    is_retry = and_(
        factory.c.status != FactoryStatus.IN_PROGRESS, factory.c.retry_of_id.is_not(None)
    )
    unfinished = and_(
        factory.c.status.not_in(finished), not_(is_waiting), not_(is_ended), not_(is_retry)
    )
    return select(factory.c.id).where(unfinished, factory.c.target_order_id.is_not(None))


INVARIANTS = (
    Invariant(
        "completed-has-target",
        "Every completed factory has a target order, or was merged into an open order.",
        Resource.order_factories,
        _find_completed_without_target(),
    ),
    Invariant(
        "one-target-per-factory",
        "No factory has made more than one order.",
        Resource.order_factories,
        _find_several_targets(),
    ),
    Invariant(
        "factory-name-used-once",
        "No two order factories have the same idempotency key.",
        Resource.order_factories,
        _find_repeated_keys(),
    ),
    Invariant(
        "target-is-its-own",
        "The target order of a factory refers to that factory.",
        Resource.order_factories,
        _find_target_of_another(),
    ),
    Invariant(
        "no-orphan-target",
        "An order that a factory has made is that factory's target.",
        Resource.orders,
        _find_orphan_targets(),
    ),
    Invariant(
        "failed-has-no-target",
        "A failed factory has no target order, unless the order was copied but not placed.",
        Resource.order_factories,
        _find_failed_with_target(),
    ),
    Invariant(
        "unplaceable-keeps-target",
        "A factory whose order could not be placed keeps that order until a retry takes it over.",
        Resource.order_factories,
        _find_unplaceable_without_target(),
    ),
    Invariant(
        "unfinished-has-no-target",
        "A pending factory has no target order, a running one only while it waits for a gateway, "
        "and an aborted one only if its subscription ended before the payment.",
        Resource.order_factories,
        _find_unfinished_with_target(),
    ),
)
