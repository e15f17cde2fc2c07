"""The batches of the crash tests, and the outcome that they must have after any crash."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import func, select

from order_factory.models.database.engine import reading
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import (
    Customer,
    Order,
    OrderFactory,
    OrderFactoryBatch,
    Sku,
    StockItem,
)
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.selections.checking import Selection, check_selection
from order_factory.tasks.selections.reading import read_selection
from tests.support.crashes.worker import Job
from tests.support.shop import Shop
from tests.support.verifying import find_violations

# How the copies of `make_sources_of_all_kinds` end.
ENDINGS = ["completed", "failed", "completed", "completed"]


@dataclass(frozen=True)
class Outcome:
    """The state of some batches, and the violations in the whole database."""

    statuses: list[str]
    copies: int
    stock: dict[str, int]
    violations: list[str]


def make_expected_outcome(times: int) -> Outcome:
    """The expected outcome after the sources of all kinds were copied this many times."""
    return Outcome(
        statuses=ENDINGS * times,
        copies=3 * times,
        # Two orders are cancelled by their first copies, and return their pieces to the stock.
        stock={"MUG": 1000 - 3 * times + 2, "CAP": 1000 - 2 * times + 2},
        violations=[],
    )


def make_sources_of_all_kinds(shop: Shop) -> list[dict[str, Any]]:
    """Make orders, and the rows that select them: valid, invalid, partly invalid, and changed.

    The copies of the valid and of the changed order cancel their source, which is copied again.
    """
    replaced = {"cancel_source_order": True, "any_source_status": True}
    customer = shop.customer()
    saved = shop.payment_source(wallet_of=customer)
    wallet: dict[str, Any] = {"customer_id": customer, "payment_source_id": saved}
    valid = shop.order(lines=[("MUG", 1, 12_50), ("CAP", 2, 9_00)], **wallet)
    invalid = shop.order(lines=[("MUG", 1, 12_50), ("CAP", 0, 9_00)], **wallet)
    in_part = shop.order(lines=[("MUG", 2, 12_50)], **wallet)
    shop.line(in_part, sku_code="GONE")
    changed = shop.order(lines=[("MUG", 1, 12_50)])
    shop.price("CAP", 9_00)
    changes = {
        "quantities": "MUG=3",
        "add_lines": "CAP=1",
        "target_customer": shop.row(Customer, id=shop.customer()).email,
        "target_billing_address": public_id(Resource.addresses, shop.address()),
        "target_market": "America",
        "target_notes": "Ring twice",
    }
    return [
        {"source_order": valid, "place_target_order": True, **replaced},
        {"source_order": invalid, "place_target_order": True},
        {"source_order": in_part, "place_target_order": True, "skip_errors": True},
        {"source_order": changed, "reuse_wallet": False, **replaced, **changes},
    ]


def make_selection(rows: Sequence[dict[str, Any]], times: int = 1) -> Selection:
    """Make a checked selection that has the rows this many times."""
    all_rows = [
        {**row, "source_order": public_id(Resource.orders, row["source_order"]), "reference": nth}
        for nth in range(times)
        for row in rows
    ]
    return check_selection(read_selection(pd.DataFrame(all_rows)), CopyOptions())


def make_frame(rows_selected: Selection) -> pd.DataFrame:
    """The rows of a selection as a DataFrame."""
    return pd.DataFrame(rows_selected.rows.columns)


def make_job(reference: str, rows_selected: Selection | None, size: int, **stop: Any) -> Job:
    """Make a job. Without a selection, the batch must be recorded already."""
    return Job(reference, rows_selected, size, **stop)


def read_statuses(reference: str) -> list[str]:
    """The statuses of the batch's factories, in the order of its selection."""
    rows = select(OrderFactory.status).join(
        OrderFactoryBatch, OrderFactoryBatch.id == OrderFactory.batch_id
    )
    rows = rows.where(OrderFactoryBatch.reference == reference).order_by(OrderFactory.id)
    with reading() as db:
        return list(db.scalars(rows))


def read_outcome(*references: str) -> Outcome:
    """The state of these batches. The copies and the stock are those of the whole shop."""
    made = select(func.count()).where(Order.order_factory_id.is_not(None))
    pieces = select(Sku.code, func.sum(StockItem.quantity)).join(StockItem).group_by(Sku.code)
    with reading() as db:
        return Outcome(
            statuses=[status for reference in references for status in read_statuses(reference)],
            copies=db.execute(made).scalar_one(),
            stock={code: int(left) for code, left in db.execute(pieces)},
            violations=find_violations(),
        )
