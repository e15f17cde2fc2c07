"""Batches: each has the recorded number of copies, and a completed batch has no open copy."""

from typing import Any

from sqlalchemy import Select, and_, case, exists, false, func, not_, or_, select

from order_factory.models.tables import OrderFactoryBatch, StoredFilePiece
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import BatchStatus, FactoryStatus
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import factory
from order_factory.tasks.working_set.statements import table_of

_batch, _piece = table_of(OrderFactoryBatch), table_of(StoredFilePiece)


def _find_wrong_counts() -> Select[Any]:
    rows = select(_batch.c.id).select_from(
        _batch.outerjoin(factory, factory.c.batch_id == _batch.c.id)
    )
    counted = func.count(factory.c.id)
    rows = rows.where(not_(_batch.c.dry_run))
    return rows.group_by(_batch.c.id, _batch.c.orders_count).having(
        _batch.c.orders_count != counted
    )


def _find_completed_with_open_copies() -> Select[Any]:
    unfinished = [FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS]
    waiting = exists().where(factory.c.batch_id == _batch.c.id, factory.c.status.in_(unfinished))
    return select(_batch.c.id).where(_batch.c.status == BatchStatus.COMPLETED, waiting)


def _find_times_against_status() -> Select[Any]:
    started, completed = _batch.c.started_at, _batch.c.completed_at
    fits = case(
        (_batch.c.status == BatchStatus.PENDING, and_(started.is_(None), completed.is_(None))),
        (_batch.c.status == BatchStatus.IN_PROGRESS, started.is_not(None)),
        (_batch.c.status == BatchStatus.ABORTED, completed.is_(None)),
        (_batch.c.status == BatchStatus.FAILED, and_(started.is_(None), completed.is_(None))),
        # A batch has no start if all of its copies were made as single copies.
        (
            and_(_batch.c.status == BatchStatus.COMPLETED, completed.is_not(None)),
            func.coalesce(started, completed) <= completed,
        ),
        else_=false(),
    )
    return select(_batch.c.id).where(not_(fits))


def _find_wrong_files() -> Select[Any]:
    has_copies = exists().where(factory.c.batch_id == _batch.c.id)
    has_file, failed = _batch.c.file_id.is_not(None), _batch.c.status == BatchStatus.FAILED
    completed = _batch.c.status == BatchStatus.COMPLETED
    has_pieces = exists().where(_piece.c.file_id == _batch.c.file_id)
    has_report = _batch.c.report_file_id.is_not(None)
    wrong = or_(
        and_(has_file, or_(_batch.c.status != BatchStatus.PENDING, has_copies, not_(has_pieces))),
        failed != (_batch.c.errors_count > 0),
        and_(or_(failed, _batch.c.dry_run), has_copies),
        has_report != and_(_batch.c.dry_run, completed),
    )
    return select(_batch.c.id).where(wrong)


INVARIANTS = (
    Invariant(
        "batch-count",
        "The orders_count of a batch is the number of its factories. A dry run has no factories.",
        Resource.order_factory_batches,
        _find_wrong_counts(),
    ),
    Invariant(
        "completed-batch-is-done",
        "A completed batch has no pending or running factory.",
        Resource.order_factory_batches,
        _find_completed_with_open_copies(),
    ),
    Invariant(
        "batch-times-fit-status",
        "A batch in progress has a start. A completed batch has a later completion too. A pending "
        "or failed batch has neither.",
        Resource.order_factory_batches,
        _find_times_against_status(),
    ),
    Invariant(
        "batch-file-until-read",
        "Only a pending batch without copies has a file to read, with all its pieces. A completed "
        "dry run has a report, a failed batch has errors, and both have no copies.",
        Resource.order_factory_batches,
        _find_wrong_files(),
    ),
)
