"""The steps of the demo: import real orders, copy them, verify the copies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from order_factory.cli.database import display_url
from order_factory.cli.demo.complete_journey import write_complete_journey
from order_factory.cli.demo.orders import (
    REFERENCE_ORIGIN,
    PlacedCopies,
    count_copied_elsewhere,
    count_placed_copies,
    find_earlier_copy,
    find_first_failed,
    find_first_valid,
    refuse_another_shop,
)
from order_factory.cli.flow_runs import run_flow, start_prefect
from order_factory.cli.progress import show_bars
from order_factory.cli.terminal import Terminal
from order_factory.models.database.engine import reading
from order_factory.models.database.schema import upgrade
from order_factory.models.results.copies import (
    BatchUnfinished,
    BulkResult,
    OrderFactoryFailed,
    OrderFactoryResult,
)
from order_factory.models.results.imports import ImportReport
from order_factory.models.results.verification import Verification
from order_factory.models.values.counts import format_count
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.batches.records import require_batch
from order_factory.tasks.factories.records import read_factory
from order_factory.tasks.verify import verify

FOLDER = Path("var/demo")


@dataclass(frozen=True)
class Demo:
    """The results of the demo.

    `single` is the copy of one order, and `made` whether this run made it. `failed` is the factory
    and the order of a failed copy of the batch. There is no batch when there is only one order, and
    no single copy when no order is valid. `placed` counts the copies of all runs.
    """

    imported: ImportReport
    single: OrderFactoryResult | None
    made: bool
    batch: BulkResult | None
    placed: PlacedCopies
    elsewhere: int
    failed: tuple[str, str] | None
    verification: Verification


def run_demo(terminal: Terminal, orders: int) -> Demo:
    """Import the oldest baskets, copy one as a single copy and the others as a batch, verify.

    A repeated run finds the existing copies and makes only the missing ones.
    """
    numbers = _write_files(terminal, orders)
    start_prefect(terminal)
    imported = _import(terminal)
    single, made = _copy_first_valid(terminal, numbers)
    first = single.source_order.number if single else None
    reference = f"demo-{len(numbers)}"
    batch = _copy_rest(terminal, reference, [number for number in numbers if number != first])
    with show_bars(terminal, "verify"), reading() as db:
        verification = verify(db)
        placed = count_placed_copies(db)
    elsewhere, failed = _read_follow_up(reference) if batch else (0, None)
    return Demo(imported, single, made, batch, placed, elsewhere, failed, verification)


def _write_files(terminal: Terminal, orders: int) -> list[str]:
    """Create the database and the files to import; returns the orders' numbers, oldest first."""
    terminal.note(f"The demo's database is {display_url()}")
    upgrade()
    with reading() as db:
        refuse_another_shop(db, display_url())
    with terminal.working(f"Writing {orders:,} real orders as files to import ..."):
        written = write_complete_journey(FOLDER, orders)
    terminal.note(
        f"{FOLDER} contains {format_count(written.orders, 'order')} with {format_count(written.line_items, 'line')}, of "
        f"{format_count(written.customers, 'household')}, and {format_count(written.skus, 'product')}."
    )
    return list(pd.read_parquet(FOLDER / "orders.parquet", columns=["number"])["number"])


def _import(terminal: Terminal) -> ImportReport:
    from order_factory.flows.import_orders import import_orders

    rejects = str(FOLDER / "rejects.csv")
    return run_flow(terminal, "import", lambda: import_orders(str(FOLDER), rejects_path=rejects))


def _copy_first_valid(
    terminal: Terminal, numbers: list[str]
) -> tuple[OrderFactoryResult | None, bool]:
    """The copy of the first valid order, and whether this run made it."""
    from order_factory.flows.order_factory import order_factory

    with reading() as db:
        number = find_first_valid(db, numbers)
        known = None if number is None else find_earlier_copy(db, number)
        if known is not None:
            return read_factory(db, known), False
    if number is None:
        return None, False
    options: dict[str, Any] = {
        "reference": f"demo-{number}",
        "reference_origin": REFERENCE_ORIGIN,
        "place_target_order": True,
    }
    try:
        copy = run_flow(terminal, "copy one order", lambda: order_factory(number, **options))
    except OrderFactoryFailed as failed:
        return failed.result, True
    return copy, True


def _copy_rest(terminal: Terminal, reference: str, numbers: list[str]) -> BulkResult | None:
    """Copy these orders as a batch; a batch that an earlier run finished is found again."""
    from order_factory.flows.bulk_order_factory import bulk_order_factory

    if not numbers:
        return None
    # A DataFrame, because Prefect searches each element of a list for futures.
    orders = pd.DataFrame({"source_order": numbers})
    try:
        return run_flow(
            terminal,
            "copy the others",
            lambda: bulk_order_factory(orders, reference, place_target_order=True),
        )
    except BatchUnfinished as unfinished:
        terminal.note(f"{unfinished}.")
        return unfinished.result


def _read_follow_up(reference: str) -> tuple[int, tuple[str, str] | None]:
    """The number of orders that other batches have copied, too, and a failed copy."""
    with reading() as db:
        batch_id = require_batch(db, reference)
        failed = find_first_failed(db, batch_id)
        elsewhere = count_copied_elsewhere(db, batch_id)
    if failed is None:
        return elsewhere, None
    key, number = failed
    return elsewhere, (public_id(Resource.order_factories, key), number)
