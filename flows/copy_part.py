"""A part of a batch as a flow of its own, for Prefect workers: the runner "workers" dispatches it."""

from typing import Annotated, Any, cast

from prefect.runtime import flow_run
from prefect.states import Failed
from pydantic import Field

from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.engine import reading
from order_factory.models.database.schema import require_schema
from order_factory.models.requests.copies import Text
from order_factory.tasks.batches.chunking import BATCH_SIZE
from order_factory.tasks.batches.records import require_batch
from order_factory.tasks.copy_orders import copy_batch


def _run_name() -> str:
    given = flow_run.parameters
    return f"copy part {given.get('part')} of batch {str(given.get('batch'))[:64]}"


@shop_flow(name="copy-batch", flow_run_name=_run_name)
def copy_part(
    batch: Text, part: int = 1, size: Annotated[int, Field(ge=1, le=100_000)] = BATCH_SIZE
) -> int:
    """Copy up to so many unfinished orders of a batch in one transaction; how many it finished.

    Run again, it takes up what is missing. Raises `BatchNotFound` where this worker is pointed at
    another database than the flow that recorded the batch, and `DatabaseNotReady`.

    Args:
        batch: Reference of a batch that was recorded before.
        part: A number that tells this run from the batch's others.
        size: How many orders are copied.
    """
    require_schema()
    with reading() as db:
        batch_id = require_batch(db, batch)
    report = copy_batch(batch_id, part, size)
    if report.stuck:
        message = f"order factories could not be closed: {', '.join(report.stuck)}"
        return cast(int, _failed(message))
    return report.closed


def _failed(message: str) -> Any:
    return Failed(message=message)
