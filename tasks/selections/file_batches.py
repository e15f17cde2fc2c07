"""Batches that are uploaded as a file: record the batch, and later the copies of the file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, literal, select, update

from order_factory.models.requests.copies import CopyOptions
from order_factory.models.results.copies import BulkResult
from order_factory.models.tables import OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from order_factory.models.values.copy_options import CHANGES, OPTIONS
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import BatchStatus, Mode
from order_factory.tasks.batches.pending import IS_TO_READ
from order_factory.tasks.selections.checked_rows import CheckedRows
from order_factory.tasks.selections.recording import (
    insert_factories,
    record_create_events,
    refuse_skipped_errors,
)
from order_factory.tasks.selections.repetitions import NamedOrders
from order_factory.tasks.selections.requested import Requested, request_rows
from order_factory.tasks.selections.staging import (
    empty_stage,
    matched_orders,
    requested_rows,
    stage_part,
)
from order_factory.tasks.stored_files.packing import PackedFile
from order_factory.tasks.stored_files.records import delete_file, read_file_name, store_file
from order_factory.tasks.working_set.events import record_event
from order_factory.tasks.working_set.statements import execute_and_count, table_of

_batch = table_of(OrderFactoryBatch)
# After this many attempts that ended without a result, the file is refused.
READINGS_ALLOWED = 5
_OWN_COLUMNS = ("reference", "reference_origin", "metadata")


@dataclass(frozen=True)
class FileToRead:
    """A batch with a file to read, and the options of the request."""

    batch_id: int
    reference: str
    file_id: int
    name: str
    mode: Mode
    options: CopyOptions
    policy: ErrorPolicy
    dry_run: bool
    readings: int


def record_file_batch(
    db: Connection,
    reference: str,
    mode: Mode,
    file: PackedFile,
    options: CopyOptions,
    policy: ErrorPolicy,
    *,
    dry_run: bool,
) -> int:
    """Record a pending batch with its file, which the service reads. Returns the batch's id."""
    now = utc_now()
    if policy == ErrorPolicy.SKIP_ERRORS:
        options = options.model_copy(update={"skip_errors": True})
    key = db.execute(
        insert(_batch)
        .values(
            reference=reference,
            mode=mode,
            status=BatchStatus.PENDING,
            selection=file.name,
            options={
                "selection_digest": file.sha256,
                "error_policy": policy.value,
                **options.choices(),
            },
            orders_count=0,
            drained_by_service=True,
            file_id=store_file(db, file),
            dry_run=dry_run,
            created_at=now,
            updated_at=now,
        )
        .returning(_batch.c.id)
    ).scalar_one()
    record_event(db, EventName.BATCH_CREATE, key, mode, now)
    return int(key)


def begin_reading(db: Connection, batch_id: int) -> FileToRead | None:
    """Count an attempt to read the file. Returns None if the file was read or deleted."""
    row = db.execute(
        select(_batch).where(_batch.c.id == batch_id, IS_TO_READ).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    readings = row.options.get("readings", 0) + 1
    updated_options = row.options | {"readings": readings}
    db.execute(update(_batch).where(_batch.c.id == batch_id).values(options=updated_options))
    chosen = {name: row.options[name] for name in (*OPTIONS, *CHANGES) if name in row.options}
    return FileToRead(
        batch_id,
        row.reference,
        row.file_id,
        read_file_name(db, row.file_id),
        Mode(row.mode),
        CopyOptions(**chosen),
        ErrorPolicy(row.options["error_policy"]),
        row.dry_run,
        readings,
    )


def record_copies(db: Connection, file: FileToRead, rows: CheckedRows) -> bool:
    """Record a pending factory for each row of the file, and delete the file.

    Returns False if another run has done so, or if the batch was stopped. Raises `RowsInvalid` with
    the problems of all rows; do not commit in that case.
    """
    if not _must_read(db, file.batch_id):
        return False
    now = utc_now()
    problems, orders, count = rows.problems.copy(), NamedOrders(), 0
    for part in rows.parts():
        problems.add(stage_part(db, part))
        orders.add_staged(db)
        if not problems.count:
            count += execute_and_count(
                db, insert_factories(_request_staged_rows(file), file.batch_id, now)
            )
    empty_stage(db)
    orders.find_repetitions(rows, problems)
    if problems.count:
        raise problems.refuse(rows.name)
    if file.policy == ErrorPolicy.REJECT_EVERYTHING:
        refuse_skipped_errors(db, file.batch_id)
    _close(db, file, now, selection=rows.name, orders_count=count)
    record_create_events(db, file.batch_id, now)
    return True


def refuse_file(db: Connection, file: FileToRead, problems: list[str], count: int) -> None:
    """Mark the batch as failed with the problems of its file, and delete the file."""
    if not _must_read(db, file.batch_id):
        return
    now = utc_now()
    _close(
        db,
        file,
        now,
        status=BatchStatus.FAILED,
        errors_log={"file": problems},
        errors_count=count,
    )
    record_event(db, EventName.BATCH_FAIL, file.batch_id, file.mode, now)


def close_dry_run(
    db: Connection, file: FileToRead, rows: CheckedRows, result: BulkResult, report: PackedFile
) -> None:
    """Record the outcome of the dry run and its report, and delete the file."""
    if not _must_read(db, file.batch_id):
        return
    now = utc_now()
    _close(
        db,
        file,
        now,
        status=BatchStatus.COMPLETED,
        completed_at=now,
        selection=rows.name,
        orders_count=result.orders_count,
        outcome=result.model_dump(mode="json"),
        report_file_id=store_file(db, report),
    )
    record_event(db, EventName.BATCH_COMPLETE, file.batch_id, file.mode, now)


def _must_read(db: Connection, batch_id: int) -> bool:
    """Return whether the file has to be read, and lock the batch."""
    statement = select(_batch.c.id).where(_batch.c.id == batch_id, IS_TO_READ)
    return db.scalar(statement.with_for_update()) is not None


def _close(db: Connection, file: FileToRead, now: datetime, **values: Any) -> None:
    statement = update(_batch).where(_batch.c.id == file.batch_id)
    db.execute(statement.values(file_id=None, updated_at=now, **values))
    delete_file(db, file.file_id)


def _request_staged_rows(file: FileToRead) -> Requested:
    """Return the copies of the staged rows; the batch's options fill empty cells."""
    given: dict[str, ColumnElement[Any]] = {
        "mode": matched_orders.c.mode,
        "source_order_id": matched_orders.c.source_order_id,
        **{
            name: func.coalesce(requested_rows.c[name], literal(value, requested_rows.c[name].type))
            for name, value in file.options.choices().items()
        },
        **{name: requested_rows.c[name] for name in _OWN_COLUMNS},
    }
    rows = request_rows(given).select_from(
        requested_rows.join(matched_orders, matched_orders.c.row == requested_rows.c.row)
    )
    return Requested(
        file.name, file.mode, rows.order_by(requested_rows.c.row), {}, "it names no order"
    )
