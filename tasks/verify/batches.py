"""Batches: each has the recorded number of copies, and a completed batch has no open copy."""

from typing import Any

from sqlalchemy import Select, and_, case, exists, false, func, not_, select

from order_factory.models.tables import OrderFactoryBatch
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import BatchStatus, FactoryStatus
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import factory
from order_factory.tasks.working_set.statements import table_of

_batch = table_of(OrderFactoryBatch)


def _wrong_counts() -> Select[Any]:
    rows = select(_batch.c.id).select_from(
        _batch.outerjoin(factory, factory.c.batch_id == _batch.c.id)
    )
    counted = func.count(factory.c.id)
    return rows.group_by(_batch.c.id, _batch.c.orders_count).having(
        _batch.c.orders_count != counted
    )


def _completed_with_open_copies() -> Select[Any]:
    unfinished = [FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS]
    waiting = exists().where(factory.c.batch_id == _batch.c.id, factory.c.status.in_(unfinished))
    return select(_batch.c.id).where(_batch.c.status == BatchStatus.COMPLETED, waiting)


def _times_beside_status() -> Select[Any]:
    started, completed = _batch.c.started_at, _batch.c.completed_at
    fit = case(
        (_batch.c.status == BatchStatus.PENDING, and_(started.is_(None), completed.is_(None))),
        (_batch.c.status == BatchStatus.IN_PROGRESS, started.is_not(None)),
        (_batch.c.status == BatchStatus.ABORTED, completed.is_(None)),
        # A batch was never started if all of its copies were made one by one.
        (
            and_(_batch.c.status == BatchStatus.COMPLETED, completed.is_not(None)),
            func.coalesce(started, completed) <= completed,
        ),
        else_=false(),
    )
    return select(_batch.c.id).where(not_(fit))


INVARIANTS = (
    Invariant(
        "batch-count",
        "orders_count of a batch is the number of its factories.",
        Resource.order_factory_batches,
        _wrong_counts(),
    ),
    Invariant(
        "completed-batch-is-done",
        "A completed batch has no pending or running factory.",
        Resource.order_factory_batches,
        _completed_with_open_copies(),
    ),
    Invariant(
        "batch-times-fit-status",
        "A batch in progress has a start, a completed one also a later completion, and a pending "
        "one neither.",
        Resource.order_factory_batches,
        _times_beside_status(),
    ),
)
