"""Copying what was asked for through the HTTP API."""

from typing import Annotated

from prefect.runtime import flow_run
from pydantic import Field

from flows.shop_flow import shop_flow
from models.engine import begin, reading
from models.schema import require_schema
from tasks.batch_records import finish_batch, start_batch
from tasks.copy_batch import copy_batch, copy_single_orders
from tasks.payments.claiming import Scope
from tasks.payments.paying import authorize_payments
from tasks.waiting import waiting_batches

SIZE = 5_000


@shop_flow(name="drain-order-factories", flow_run_name="copy what waits")
def drain_order_factories(
    size: Annotated[int, Field(ge=1, le=100_000)] = SIZE,
    rounds: Annotated[int, Field(ge=1, le=10_000)] = 1,
) -> int:
    """Copy the orders that wait, the oldest first; how many factories were completed or failed.

    A round is one transaction for the orders that were asked for one by one, and one for each
    batch. Several runs may do this at the same time: no factory is copied twice, and what a run
    that dies has not committed is still pending.

    Args:
        size: How many orders are copied in one transaction.
        rounds: After how many rounds to end, even where something is left.
    """
    require_schema()
    total = 0
    for number in range(1, rounds + 1):
        closed = copy_single_orders(size).closed + authorize_payments(Scope()).closed
        closed += sum(_drain(batch_id, number, size) for batch_id in _waiting())
        total += closed
        if not closed:
            break
    return total


def _waiting() -> list[int]:
    with reading() as db:
        return waiting_batches(db)


def _drain(batch_id: int, part: int, size: int) -> int:
    """Copy a part of the batch, and finish it once nothing is left; factories closed."""
    with begin() as db:
        start_batch(db, batch_id, flow_run.id)
    closed = copy_batch(batch_id, part, size).closed
    closed += authorize_payments(Scope(batch_id)).closed
    with begin() as db:
        finish_batch(db, batch_id)
    return closed
