"""Copying one part of a batch in a flow run of a Prefect worker; the runner "workers" starts it."""

from typing import Annotated, Any, cast

from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.retrying import read
from order_factory.models.database.schema import require_schema
from order_factory.models.requests.copies import Text
from order_factory.models.values.counts import format_count
from order_factory.tasks.batches.chunking import BATCH_SIZE
from order_factory.tasks.batches.first_orders import read_first_orders
from order_factory.tasks.batches.records import require_batch
from order_factory.tasks.copy_orders import copy_batch
from order_factory.tasks.outcomes.account import PartAccount, Run, account_for


def _run_name() -> str:
    given = flow_run.parameters
    return f"copy part {given.get('part')} of batch {str(given.get('batch'))[:64]}"


@shop_flow(name="copy-batch", flow_run_name=_run_name)
def copy_part(
    batch: Text, part: int = 1, size: Annotated[int, Field(ge=1, le=100_000)] = BATCH_SIZE
) -> int:
    """Copy unfinished orders of a batch in one transaction; returns how many it finished.

    Run it again to copy what is still unfinished. Raises `DatabaseNotReady`, and `BatchNotFound`
    when this worker uses another database than the flow that recorded the batch.

    Args:
        batch: Reference of a recorded batch.
        part: Number of this part within the batch.
        size: Copy at most this many orders.
    """
    require_schema()
    batch_id = read(lambda db: require_batch(db, batch))
    report = copy_batch(batch_id, part, size)
    orders = read(lambda db: read_first_orders(db, batch_id, flow_run.id))
    run = Run(part=PartAccount(batch, report.copied, orders))
    run.times.add_all(report.times)
    account_for(run)
    if report.stuck:
        message = f"order factories could not be finished: {', '.join(report.stuck)}"
        return _make_result_state(Failed(message=message))
    outcome = f"{format_count(report.closed, 'order')} of batch {batch} finished"
    return _make_result_state(Completed(message=outcome, data=report.closed))


def _make_result_state(state: Any) -> int:
    """The state, typed as its data: Prefect ends the run with it, a plain call gets the data."""
    return cast(int, state)
