"""The record of a batch: its progress and its end."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    exists,
    func,
    not_,
    select,
    update,
)

from order_factory.models.database.row_locks import skip_locked
from order_factory.models.errors import BatchNotFound, InvalidRequest
from order_factory.models.results.copies import BulkResult, ErrorCount
from order_factory.models.tables import CopyError, Order, OrderFactory, OrderFactoryBatch
from order_factory.models.tables.base import Json, utc_now
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.event_names import EventName
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import BatchStatus, FactoryStatus
from order_factory.tasks.working_set.claims import is_to_copy, is_to_place_again, is_unfinished
from order_factory.tasks.working_set.events import record_events
from order_factory.tasks.working_set.statements import table_of

_batch = table_of(OrderFactoryBatch)
_KINDS_SHOWN = 100


# It was stopped on purpose: see `stop_batch`.
_is_stopped = and_(
    _batch.c.status == BatchStatus.ABORTED,
    exists().where(
        OrderFactory.batch_id == _batch.c.id, OrderFactory.status == FactoryStatus.ABORTED
    ),
)

# It uses columns of the batch only. PostgreSQL checks these again after it has waited for the
# transaction that stops the batch.
_was_stopped_by_client = and_(_batch.c.drained_by_service, _batch.c.status == BatchStatus.ABORTED)


def start_batch(db: Connection, batch_id: int, flow_run_id: str | None) -> int:
    """Mark a batch with unfinished factories as in progress. Returns their number.

    A batch of the HTTP service that a client has stopped stays aborted. Other batches may start
    again.
    """
    unfinished = count_unfinished(db, batch_id)
    if unfinished:
        now = utc_now()
        statement = update(_batch).where(_batch.c.id == batch_id, not_(_was_stopped_by_client))
        restarted = statement.where(_batch.c.status != BatchStatus.IN_PROGRESS)
        finished_before = _batch.c.orders_count - unfinished
        db.execute(restarted.values(resumed_at=now, finished_before=finished_before))
        first = statement.where(_batch.c.started_at.is_(None)).values(started_at=now)
        if db.execute(first).rowcount:
            _record(db, EventName.BATCH_START, now, _batch.c.id == batch_id)
        db.execute(
            statement.values(
                status=BatchStatus.IN_PROGRESS,
                flow_run_id=flow_run_id,
                updated_at=now,
            )
        )
    return unfinished


def finish_batch(db: Connection, batch_id: int) -> bool:
    """Mark a batch as completed if all its factories are finished and it was not stopped.

    Returns whether this call completed it. If several runs work on it, only one does.
    """
    if db.scalar(select(exists().where(OrderFactory.batch_id == batch_id, is_unfinished))):
        return False
    now = utc_now()
    open_batch = update(_batch).where(
        _batch.c.id == batch_id,
        _batch.c.status.not_in([BatchStatus.COMPLETED, BatchStatus.FAILED]),
        _batch.c.file_id.is_(None),
        not_(_is_stopped),
    )
    # The clock may have been set back since the start of the batch.
    started = _batch.c.started_at
    completed_at = case((started > now, started), else_=now)
    values = {"status": BatchStatus.COMPLETED, "completed_at": completed_at, "updated_at": now}
    if not db.execute(open_batch.values(values)).rowcount:
        return False
    _record(db, EventName.BATCH_COMPLETE, now, _batch.c.id == batch_id)
    failed = exists().where(
        OrderFactory.batch_id == _batch.c.id, OrderFactory.status == FactoryStatus.FAILED
    )
    _record(db, EventName.BATCH_FAIL, now, and_(_batch.c.id == batch_id, failed))
    return True


def abort_batch(db: Connection, flow_run_id: str) -> None:
    """Mark the batch of this flow run as aborted if it is in progress and unfinished.

    Its factories do not change. Starting the batch again finishes them.
    """
    waiting = exists().where(OrderFactory.batch_id == _batch.c.id, is_unfinished)
    rows = select(_batch.c.id).where(
        _batch.c.flow_run_id == flow_run_id, _batch.c.status == BatchStatus.IN_PROGRESS, waiting
    )
    now = utc_now()
    keys = db.scalars(rows.with_for_update()).all()
    if keys:
        _record(db, EventName.BATCH_ABORT, now, _batch.c.id.in_(keys))
        aborted = update(_batch).where(_batch.c.id.in_(keys))
        db.execute(aborted.values(status=BatchStatus.ABORTED, updated_at=now))


def _record(db: Connection, name: EventName, now: datetime, condition: ColumnElement[bool]) -> None:
    record_events(db, name, select(_batch.c.id, _batch.c.mode).where(condition), now)


def count_unfinished(db: Connection, batch_id: int) -> int:
    """Count the factories of the batch that are not completed, failed or aborted."""
    unfinished = select(func.count()).select_from(OrderFactory)
    unfinished = unfinished.where(OrderFactory.batch_id == batch_id, is_unfinished)
    return db.scalar(unfinished) or 0


def count_to_copy(db: Connection, batch_id: int) -> int:
    """Count the unfinished factories without a target order. The others wait for a gateway."""
    rows = select(func.count()).select_from(OrderFactory)
    return db.scalar(rows.where(OrderFactory.batch_id == batch_id, is_to_copy)) or 0


def count_to_place(db: Connection, batch_id: int) -> int:
    """Count the factories that must place the target order of an earlier attempt again."""
    rows = select(func.count()).select_from(OrderFactory)
    return db.scalar(rows.where(OrderFactory.batch_id == batch_id, is_to_place_again)) or 0


def list_unfinished_ids(db: Connection, batch_id: int) -> list[int]:
    """Return the keys of the unfinished factories of a small batch."""
    unfinished = select(OrderFactory.id).where(OrderFactory.batch_id == batch_id, is_unfinished)
    return list(db.scalars(unfinished.order_by(OrderFactory.id)))


def count_copied_by_run(db: Connection, batch_id: int, flow_run_id: str) -> tuple[int, int]:
    """Return the number of factories that this flow run has ended, and of those that wait.

    Those that wait are copied, and wait for a gateway.
    """
    awaiting = func.count().filter(OrderFactory.status == FactoryStatus.IN_PROGRESS)
    counts = select(func.count(), awaiting).where(
        OrderFactory.batch_id == batch_id,
        OrderFactory.flow_run_id == flow_run_id,
        OrderFactory.status.not_in([FactoryStatus.PENDING, FactoryStatus.ABORTED]),
    )
    total, waiting = db.execute(counts).one()
    return total - waiting, waiting


def has_free_factory(db: Connection, batch_id: int) -> bool:
    """Whether the batch has an unlocked factory to copy. It needs a writing transaction.

    On SQLite such a transaction starts only when no other one writes.
    """
    free = select(OrderFactory.id).where(OrderFactory.batch_id == batch_id, is_to_copy).limit(1)
    return db.scalar(skip_locked(db, free, table_of(OrderFactory))) is not None


def require_batch(db: Connection, reference: str) -> int:
    """Return the key of the batch with this reference. Raises `BatchNotFound`."""
    batch_id = db.scalar(select(_batch.c.id).where(_batch.c.reference == reference))
    if batch_id is None:
        raise BatchNotFound(reference)
    return int(batch_id)


def read_error_policy(db: Connection, batch_id: int) -> ErrorPolicy:
    """Return the error policy of the batch: what happens to other copies if some have errors."""
    options = select(_batch.c.options).where(_batch.c.id == batch_id)
    return _get_policy(db.execute(options).scalar_one())


def require_divisible_batch(db: Connection, batch_id: int) -> None:
    """Raise `InvalidRequest` for a batch that is copied as a whole or not at all."""
    if read_error_policy(db, batch_id) == ErrorPolicy.REJECT_EVERYTHING:
        reference = db.scalar(select(_batch.c.reference).where(_batch.c.id == batch_id))
        raise InvalidRequest(
            f"The batch {reference!r} is copied as a whole or not at all (reject_everything). "
            f"Finish it with `order-factory bulk --resume {reference}`."
        )


def require_divisible_batch_of(db: Connection, factory_id: int) -> None:
    """Raise `InvalidRequest` for an uncopied factory whose batch is copied as a whole."""
    rows = select(OrderFactory.batch_id).where(OrderFactory.id == factory_id, is_to_copy)
    batch_id = db.scalar(rows)
    if batch_id is not None:
        require_divisible_batch(db, batch_id)


def _get_policy(options: Json) -> ErrorPolicy:
    return ErrorPolicy(options.get("error_policy", ErrorPolicy.REJECT_FAILED))


def read_batch(db: Connection, batch_id: int) -> BulkResult:
    """Return the result of a batch, counted from its factories, without the figures of a run.

    A dry run has no factories. Its result was stored when it ended.
    """
    record = db.execute(select(_batch).where(_batch.c.id == batch_id)).one()
    if record.outcome is not None:
        current = {"report_path": None, "page_path": None, "status": record.status}
        return BulkResult.model_validate(record.outcome | current)
    counts: dict[str, Any] = {status.value: 0 for status in FactoryStatus}
    with_errors = 0
    for status, count, errors_in_status in db.execute(
        select(
            OrderFactory.status,
            func.count(),
            func.count().filter(OrderFactory.errors_count > 0),
        )
        .where(OrderFactory.batch_id == batch_id)
        .group_by(OrderFactory.status)
    ):
        counts[status] = count
        if status == FactoryStatus.COMPLETED:
            with_errors = errors_in_status
    return BulkResult(
        reference=record.reference,
        id=public_id(Resource.order_factory_batches, record.id),
        status=record.status,
        orders_count=record.orders_count,
        **counts,
        completed_with_errors=with_errors,
        errors=count_errors(db, batch_id),
        seconds=0.0,
        copied_in_this_run=0,
        report_path=None,
        error_policy=_get_policy(record.options),
        page_path=None,
        errors_log=record.errors_log,
        dry_run=record.dry_run,
    )


def count_errors(db: Connection, batch_id: int) -> list[ErrorCount]:
    """Return the kinds of error in a batch, most frequent first, each with its first example."""
    kinds = (
        select(
            CopyError.field,
            CopyError.code,
            func.count().label("count"),
            func.count(CopyError.order_factory_id.distinct()).label("orders"),
            func.min(CopyError.id).label("first_id"),
        )
        .join(OrderFactory, OrderFactory.id == CopyError.order_factory_id)
        .where(OrderFactory.batch_id == batch_id)
        .group_by(CopyError.field, CopyError.code)
        .order_by(func.count().desc(), CopyError.field, CopyError.code)
        .limit(_KINDS_SHOWN)
        .subquery("kinds")
    )
    rows = (
        select(kinds, CopyError.message, Order.number, Order.id)
        .join(CopyError, CopyError.id == kinds.c.first_id)
        .join(OrderFactory, OrderFactory.id == CopyError.order_factory_id)
        .join(Order, Order.id == OrderFactory.source_order_id)
        .order_by(kinds.c.count.desc(), kinds.c.field, kinds.c.code)
    )
    return [_present_error_count(row) for row in db.execute(rows)]


def _present_error_count(row: Row[Any]) -> ErrorCount:
    return ErrorCount(
        field=row.field,
        code=row.code,
        count=row._mapping["count"],
        orders=row.orders,
        example_message=row.message,
        example_order=row.number or public_id(Resource.orders, row.id),
    )
