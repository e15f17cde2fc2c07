"""Batches that were sent as a file: record them, and the copies that the file names."""

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
from order_factory.tasks.selections.staging import asked, empty_stage, named, stage_part
from order_factory.tasks.stored_files.packing import PackedFile
from order_factory.tasks.stored_files.records import delete_file, name_of, store_file
from order_factory.tasks.working_set.events import record_event
from order_factory.tasks.working_set.statements import execute_and_count, table_of

_batch = table_of(OrderFactoryBatch)
# A process that dies each time it reads a file does so for this reason or another; then it is
# given up.
READINGS_ALLOWED = 5
_OWN_COLUMNS = ("reference", "reference_origin", "metadata")


@dataclass(frozen=True)
class FileToRead:
    """A batch whose file is to be read, with what was asked for beside the file."""

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
    """Record a pending batch with its file, which the service reads; the batch's key."""
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
    """What is to be read, counted as one more attempt; None if the file was read or deleted."""
    row = db.execute(
        select(_batch).where(_batch.c.id == batch_id, IS_TO_READ).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    readings = row.options.get("readings", 0) + 1
    counted = row.options | {"readings": readings}
    db.execute(update(_batch).where(_batch.c.id == batch_id).values(options=counted))
    chosen = {name: row.options[name] for name in (*OPTIONS, *CHANGES) if name in row.options}
    return FileToRead(
        batch_id,
        row.reference,
        row.file_id,
        name_of(db, row.file_id),
        Mode(row.mode),
        CopyOptions(**chosen),
        ErrorPolicy(row.options["error_policy"]),
        row.dry_run,
        readings,
    )


def record_copies(db: Connection, file: FileToRead, rows: CheckedRows) -> bool:
    """Record a pending factory for each row of the file, and delete the file.

    False if another run has done so, or the batch was stopped meanwhile. Raises
    `RowsInvalid` with the problems of all rows; nothing is to be committed then.
    """
    if not _still_to_read(db, file.batch_id):
        return False
    now = utc_now()
    problems, orders, count = rows.problems.copy(), NamedOrders(), 0
    for part in rows.parts():
        problems.add(stage_part(db, part))
        orders.add_staged(db)
        if not problems.count:
            count += execute_and_count(db, insert_factories(_staged(file), file.batch_id, now))
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
    """Mark the batch as failed, with what is wrong with its file, and delete the file."""
    if not _still_to_read(db, file.batch_id):
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
    """Keep how the batch would end, with its report, and delete the file."""
    if not _still_to_read(db, file.batch_id):
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


def _still_to_read(db: Connection, batch_id: int) -> bool:
    """Whether the file is there; another run that reads it waits until this transaction ends."""
    mine = select(_batch.c.id).where(_batch.c.id == batch_id, IS_TO_READ)
    return db.scalar(mine.with_for_update()) is not None


def _close(db: Connection, file: FileToRead, now: datetime, **values: Any) -> None:
    mine = update(_batch).where(_batch.c.id == file.batch_id)
    db.execute(mine.values(file_id=None, updated_at=now, **values))
    delete_file(db, file.file_id)


def _staged(file: FileToRead) -> Requested:
    """The copies that the staged rows ask for; the batch's options fill empty cells."""
    given: dict[str, ColumnElement[Any]] = {
        "mode": named.c.mode,
        "source_order_id": named.c.source_order_id,
        **{
            name: func.coalesce(asked.c[name], literal(value, asked.c[name].type))
            for name, value in file.options.choices().items()
        },
        **{name: asked.c[name] for name in _OWN_COLUMNS},
    }
    rows = request_rows(given).select_from(asked.join(named, named.c.row == asked.c.row))
    return Requested(file.name, file.mode, rows.order_by(asked.c.row), {}, "it names no order")
