"""The demo, step by step: real orders in, copies out, and everything checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from order_factory.cli.database import shown_url
from order_factory.cli.demo.complete_journey import write_complete_journey
from order_factory.cli.demo.orders import (
    REFERENCE_ORIGIN,
    PlacedCopies,
    copied_elsewhere,
    earlier_copy,
    first_failed,
    first_sound,
    placed_copies,
    refuse_another_shop,
)
from order_factory.cli.flow_runs import run_flow, start_prefect
from order_factory.cli.progress import showing_progress
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
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.batches.records import require_batch
from order_factory.tasks.factories.records import read_factory
from order_factory.tasks.verify import verify

FOLDER = Path("var/demo")


@dataclass(frozen=True)
class Demo:
    """What the demo did.

    `single` is the copy of one order, `made` whether this run made it; `failed` names the factory
    and the order of a copy in the batch that failed. There is no batch where there is but one
    order, and no single copy where no order is valid. `placed` counts the copies of all runs.
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
    """Import the earliest so many baskets, copy one by itself and the others as a batch, verify.

    Run again, it finds what is there and makes only what is missing.
    """
    numbers = _write_files(terminal, orders)
    start_prefect(terminal)
    imported = _import(terminal)
    single, made = _copy_first_sound(terminal, numbers)
    first = single.source_order.number if single else None
    reference = f"demo-{len(numbers)}"
    batch = _copy_rest(terminal, reference, [number for number in numbers if number != first])
    with showing_progress(terminal, "verify"), reading() as db:
        verification = verify(db)
        placed = placed_copies(db)
    elsewhere, failed = _look_back(reference) if batch else (0, None)
    return Demo(imported, single, made, batch, placed, elsewhere, failed, verification)


def _write_files(terminal: Terminal, orders: int) -> list[str]:
    """Make the database and the files to import; the orders' numbers, the earliest first."""
    terminal.note(f"The demo's database is {shown_url()}")
    upgrade()
    with reading() as db:
        refuse_another_shop(db, shown_url())
    with terminal.working(f"Writing {orders:,} real orders as files to import ..."):
        written = write_complete_journey(FOLDER, orders)
    terminal.note(
        f"{FOLDER} holds {written.orders:,} orders with {written.line_items:,} lines, of "
        f"{written.customers:,} households, and {written.skus:,} products."
    )
    return list(pd.read_parquet(FOLDER / "orders.parquet", columns=["number"])["number"])


def _import(terminal: Terminal) -> ImportReport:
    from order_factory.flows.import_orders import import_orders

    rejects = str(FOLDER / "rejects.csv")
    return run_flow(terminal, "import", lambda: import_orders(str(FOLDER), rejects_path=rejects))


def _copy_first_sound(
    terminal: Terminal, numbers: list[str]
) -> tuple[OrderFactoryResult | None, bool]:
    """The copy of the first order that is valid, and whether it was made now."""
    from order_factory.flows.order_factory import order_factory

    with reading() as db:
        number = first_sound(db, numbers)
        known = None if number is None else earlier_copy(db, number)
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
    """The batch of all these orders; one that an earlier run has finished is found again."""
    from order_factory.flows.bulk_order_factory import bulk_order_factory

    if not numbers:
        return None
    # A frame, for Prefect walks through a list to look for futures in it.
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


def _look_back(reference: str) -> tuple[int, tuple[str, str] | None]:
    """How many of the batch's orders other batches have copied too, and a copy that failed."""
    with reading() as db:
        batch_id = require_batch(db, reference)
        failed = first_failed(db, batch_id)
        elsewhere = copied_elsewhere(db, batch_id)
    if failed is None:
        return elsewhere, None
    key, number = failed
    return elsewhere, (public_id(Resource.order_factories, key), number)
