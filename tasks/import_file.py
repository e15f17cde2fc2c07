"""Import one file: read, check and insert its rows in chunks."""

from collections.abc import Sequence
from itertools import islice
from time import perf_counter

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.dialects import analyze_table
from order_factory.models.database.retrying import retry_transient, write
from order_factory.models.database.transient import is_transient, without_values
from order_factory.models.errors import OrderFactoryError, TryAgain
from order_factory.models.results.imports import FileReport
from order_factory.models.values.statuses import Mode
from order_factory.tasks.imports.checking import check_rows, find_decimals
from order_factory.tasks.imports.chunks import import_chunk
from order_factory.tasks.imports.files import ImportFile
from order_factory.tasks.imports.progress import FileProgress
from order_factory.tasks.imports.reading import open_source, split_into_chunks
from order_factory.tasks.imports.rejects import RejectsFile
from order_factory.tasks.imports.tally import Tally
from order_factory.tasks.row_files.records import Record


class ImportInterrupted(OrderFactoryError):
    """An import stopped. Arguments: the file's name, the rows done, the database's message."""

    status, code = 503, "import_interrupted"
    detail = (
        "The import of {} stopped after row {}; the rows up to it are saved. The database reported: {}. "
        "Start it again to import the rest."
    )


def interruption(error: DBAPIError, file_name: str, rows: int) -> TryAgain | ImportInterrupted:
    """Return the exception that ends an import, with its counts and without values of rows."""
    message = without_values(error)
    return TryAgain(message) if is_transient(error) else ImportInterrupted(file_name, rows, message)


def _import_records(
    file: ImportFile,
    mode: Mode,
    rejects_file: RejectsFile,
    tally: Tally,
    records: Sequence[Record],
    decimals_at: int | None,
    update: bool,
) -> None:
    """Import a chunk, then record its errors and count its rows."""
    rows, rejects = check_rows(file.resource_name, records, decimals_at)
    try:
        result = retry_transient(lambda: import_chunk(file.resource, rows, mode, update))
    except DBAPIError as error:
        raise interruption(error, file.name, tally.read) from None
    rejects += result.rejects
    rejects_file.write(file.name, [*rejects, *result.different])
    tally.read += len(records)
    tally.imported += result.imported
    tally.updated += result.updated
    tally.changes += result.changes
    tally.different += len({each.line for each in result.different})
    tally.rejected += len({reject.line for reject in rejects})


@task(task_run_name="import {file.name}", cache_policy=NO_CACHE)
def import_file(
    file: ImportFile,
    mode: Mode,
    rejects_file: RejectsFile,
    chunk_size: int,
    tally: Tally,
    update: bool = False,
) -> FileReport:
    """Import one file, a transaction per chunk.

    Existing rows stay unchanged. With `update`, they get the file's values, except for history.

    Invalid rows go to the rejects file. The tally counts the rows of each chunk, and a retry
    continues from it. Raises `InvalidRequest` for a file with the wrong columns, and
    `ImportInterrupted` or `TryAgain` when a database error persists.
    """
    started = perf_counter()
    source = open_source(file)
    progress = FileProgress(f"import {file.name}", source.expected_rows)
    decimals_at = find_decimals(file.resource_name, source.records())
    chunks = split_into_chunks(islice(source.records(), tally.read, None), chunk_size)
    for number, records in enumerate(chunks, start=1):
        _import_records(file, mode, rejects_file, tally, records, decimals_at, update)
        progress.show(tally.read)
        # Each time that the rows have doubled. Otherwise PostgreSQL would take the table for empty,
        # and look through all lines of an order for each new one.
        if tally.imported and number.bit_count() == 1:
            write(lambda db: analyze_table(db, file.resource.table))
    if tally.imported:
        write(lambda db: analyze_table(db, file.resource.table))
    progress.finish(tally.read)
    seconds = perf_counter() - started
    return tally.report(file.name, file.resource_name, read_as=source.read_as, seconds=seconds)
