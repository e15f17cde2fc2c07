"""Copying what was asked for through the HTTP API."""

from typing import Annotated

from prefect.runtime import flow_run
from pydantic import Field

from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.engine import begin, reading
from order_factory.models.database.schema import require_schema
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.batches.pending import waiting_batches
from order_factory.tasks.batches.records import finish_batch, start_batch
from order_factory.tasks.copy_orders import copy_batch, copy_single_orders
from order_factory.tasks.payments.claiming import Scope

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
