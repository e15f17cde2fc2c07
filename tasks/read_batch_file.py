"""The task that reads the file of a batch and records the copies that it names."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection

from order_factory.models.database.retrying import may_succeed_again, read, write
from order_factory.models.errors import (
    InvalidRequest,
    OrderFactoryError,
    RowsInvalid,
    SelectionInvalid,
)
from order_factory.tasks.copy_orders import BatchReport
from order_factory.tasks.copy_whole_batch import rehearse_batch
from order_factory.tasks.outcomes.account import BatchAccount, read_batch_account
from order_factory.tasks.prefect_ui.run_logs import log_line
from order_factory.tasks.selections.checked_rows import CheckedRows
from order_factory.tasks.selections.file_batches import (
    READINGS_ALLOWED,
    FileToRead,
    begin_reading,
    close_dry_run,
    record_copies,
    refuse_file,
)
from order_factory.tasks.stored_files.packing import PackedFile
from order_factory.tasks.stored_files.records import write_file


class _Gone(OrderFactoryError):
    """Another run has read the file, or the batch was stopped."""


@task(name="read batch file", task_run_name="read batch file", cache_policy=NO_CACHE)
def read_batch_file(batch_id: int, size: int, between: Callable[[], None]) -> None:
    """Record a pending copy for each row of the batch's file; all of them, or none.

    The problems of the file go into the batch's `errors_log`. A dry run copies everything, `size`
    orders at a time, and keeps only the result. `between` is called from time to time while the
    file is read. If the process dies, the next run reads the file.
    """
    file = write(lambda db: begin_reading(db, batch_id))
    if file is None:
        return
    try:
        with TemporaryDirectory(prefix="order-factory-") as folder:
            _read(file, Path(folder), size, between)
    except _Gone:
        return
    except RowsInvalid as error:
        _, outcome, count = error.args
        _refuse(file, outcome, count)
    except SelectionInvalid as error:
        _refuse(file, error.args[1], len(error.args[1]))
    except InvalidRequest as error:
        _refuse(file, [str(error)], 1)
    except Exception as error:
        # The file stays for another try, unless too many processes have died while reading it.
        if file.readings >= READINGS_ALLOWED and not may_succeed_again(error):
            reason = f"it could not be read: {type(error).__name__}; see the logs of the service"
            _refuse(file, [reason], 1)
        raise


def _read(file: FileToRead, folder: Path, size: int, between: Callable[[], None]) -> None:
    if file.readings > READINGS_ALLOWED:
        raise InvalidRequest(
            f"The process that read the file ended {READINGS_ALLOWED} times before it was done. "
            "Send the file in smaller parts."
        )
    path = folder / file.name
    read(lambda db: write_file(db, file.file_id, path))
    with CheckedRows(path, file.options, file.mode, between) as rows:
        path.unlink()
        if file.dry_run:
            _rehearse(file, rows, folder / "report.csv", size)
        else:
            write(lambda db: _record(db, file, rows))
    log_line(f"Batch {file.reference}: {rows.name} was read.")


def _record(db: Connection, file: FileToRead, rows: CheckedRows) -> int:
    if not record_copies(db, file, rows):
        raise _Gone
    return file.batch_id


def _rehearse(file: FileToRead, rows: CheckedRows, report: Path, size: int) -> None:
    began = perf_counter()

    def account(db: Connection, batch_id: int, copied: BatchReport) -> BatchAccount:
        seconds = perf_counter() - began
        closed = copied.closed
        return read_batch_account(
            db, batch_id, closed=closed, seconds=seconds, report=report, dry_run=True
        )

    outcome, _ = rehearse_batch(lambda db: _record(db, file, rows), size, lambda: False, account)
    with report.open("rb") as written:
        packed = PackedFile(f"{file.reference}.csv", written)
    try:
        write(lambda db: close_dry_run(db, file, rows, outcome.result, packed))
    finally:
        packed.close()


def _refuse(file: FileToRead, outcome: list[str], count: int) -> None:
    write(lambda db: refuse_file(db, file, outcome, count))
    log_line(f"Batch {file.reference}: {file.name} cannot be used; nothing was recorded.")
