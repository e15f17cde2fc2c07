"""Import the orders of another platform's export, chunk by chunk: read, convert, check, insert."""

from collections.abc import Iterable, Iterator
from itertools import islice
from time import perf_counter

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.dialects import analyze_table
from order_factory.models.database.retrying import retry_transient, write
from order_factory.models.results.imports import FileReport
from order_factory.models.values.statuses import Mode
from order_factory.tasks.import_file import interruption
from order_factory.tasks.imports.platforms.chunks import OrdersResult, import_orders_chunk
from order_factory.tasks.imports.platforms.conversion import ConvertedOrder, convert_order
from order_factory.tasks.imports.platforms.files import PlatformFile, open_platform_file
from order_factory.tasks.imports.platforms.order_rows import group_orders
from order_factory.tasks.imports.progress import FileProgress
from order_factory.tasks.imports.rejects import RejectsFile
from order_factory.tasks.imports.resources import RESOURCES


class PlatformTally:
    """The counts of an export's finished rows; a second attempt continues after `rows` of them."""

    def __init__(self) -> None:
        self.rows = 0
        self.result = OrdersResult()


def _split_into_chunks(
    orders: Iterable[ConvertedOrder], size: int
) -> Iterator[list[ConvertedOrder]]:
    """Yield the orders in chunks of about `size` rows. No order is divided."""
    chunk: list[ConvertedOrder] = []
    rows = 0
    for order in orders:
        if chunk and rows + order.size > size:
            yield chunk
            chunk, rows = [], 0
        chunk.append(order)
        rows += order.size
    if chunk:
        yield chunk


def _import_chunk(
    file: PlatformFile,
    mode: Mode,
    rejects_file: RejectsFile,
    tally: PlatformTally,
    orders: list[ConvertedOrder],
    update: bool,
) -> None:
    try:
        result = retry_transient(lambda: import_orders_chunk(orders, mode, update))
    except DBAPIError as error:
        raise interruption(error, file.name, tally.rows) from None
    rejects_file.write(file.name, result.rejects)
    result.rejects.clear()
    tally.result.plus(result)
    tally.rows += sum(each.row_count for each in orders)


@task(task_run_name="import {file.name}", cache_policy=NO_CACHE)
def import_platform_file(
    file: PlatformFile,
    mode: Mode,
    rejects_file: RejectsFile,
    chunk_size: int,
    tally: PlatformTally,
    update: bool = False,
) -> list[FileReport]:
    """Import the orders of an export, a transaction per chunk; a report per resource.

    An order is imported whole or not at all, and the rejects file says why. Customers and SKUs
    that are not known are made; those that are known stay as they are. Raises `InvalidRequest` for
    a file that is no export of its format, and `ImportInterrupted` or `TryAgain` when a database
    error persists.
    """
    started = perf_counter()
    source = open_platform_file(file)
    progress = FileProgress(f"import {file.name}", source.expected_rows)
    order_rows = group_orders(file.form, islice(source.records(), tally.rows, None))
    converted = (convert_order(file.form, each) for each in order_rows)
    for number, orders in enumerate(_split_into_chunks(converted, chunk_size), start=1):
        _import_chunk(file, mode, rejects_file, tally, orders, update)
        progress.show(tally.rows)
        # As the import of one resource does it: each time that the rows have doubled.
        if number.bit_count() == 1:
            _analyze(tally)
    _analyze(tally)
    progress.finish(tally.rows)
    seconds = perf_counter() - started
    return [
        each.report(
            file.name,
            name,
            read_as=source.read_as if name == "orders" else "",
            seconds=seconds,
        )
        for name, each in tally.result.tallies.items()
    ]


def _analyze(tally: PlatformTally) -> None:
    tables = [RESOURCES[name].table for name, each in tally.result.tallies.items() if each.imported]

    def analyze(db: Connection) -> None:
        for table in tables:
            analyze_table(db, table)

    write(analyze)
