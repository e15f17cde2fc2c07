"""Retries: they copy the same order, and only after a copy that failed as a whole."""

from typing import Any

from sqlalchemy import Select, exists, or_, select

from order_factory.models.tables import Order
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import FactoryStatus, OrderStatus
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import factory
from order_factory.tasks.working_set.statements import table_of

_retried = factory.alias("retried")
_target = table_of(Order)
_has_valid_target = exists().where(
    _target.c.id == _retried.c.target_order_id, _target.c.status != OrderStatus.CANCELLED
)


def _find_retries(*where: Any) -> Select[Any]:
    """Select the retries that meet one of the conditions."""
    rows = select(factory.c.id).join(_retried, _retried.c.id == factory.c.retry_of_id)
    return rows.where(or_(*where))


INVARIANTS = (
    Invariant(
        "retry-of-same-order",
        "A factory that retries another one is newer, of the same type, and has the same source "
        "order.",
        Resource.order_factories,
        _find_retries(
            factory.c.id <= _retried.c.id,
            factory.c.type != _retried.c.type,
            factory.c.source_order_id != _retried.c.source_order_id,
        ),
    ),
    Invariant(
        "retry-of-failed-copy",
        "A factory that was retried has failed, and has no target order that is not cancelled.",
        Resource.order_factories,
        _find_retries(_retried.c.status != FactoryStatus.FAILED, _has_valid_target),
    ),
)
