"""Taking over what flow runs that died have left unfinished."""

from datetime import timedelta
from typing import Annotated, cast

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, Field

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.support.end_states import ended
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.retrying import read
from order_factory.models.database.schema import require_schema
from order_factory.models.results.copies import BatchFailed, CopiesFailed
from order_factory.models.tables.base import utc_now
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.batches.orphans import dead, unfinished_batches, unfinished_singles
from order_factory.tasks.copy_orders import copy_order
from order_factory.tasks.factories.ended import last_event
from order_factory.tasks.outcomes.account import Run, account_for, read_singles
from order_factory.tasks.payments.claiming import Scope

QUIET_MINUTES = 15


class Swept(BaseModel, frozen=True):
    """What a sweep has taken over: batches by reference, and single copies that are closed now."""

    resumed: list[str] = Field(description="References of the batches that were gone on with.")
    unfinished: list[str] = Field(description="Those of them that are still not finished.")
    single_copies: int = Field(description="Single copies that were completed or failed.")
    failed: int = Field(default=0, description="Those of them that failed.")


@shop_flow(name="sweep-order-factories", flow_run_name="take over what was left")
def sweep_order_factories(
    quiet_minutes: Annotated[int, Field(ge=0, le=10_080)] = QUIET_MINUTES,
) -> Swept:
    """Go on with batches, and make single copies, whose flow run has died.

    Several sweeps may run at a time, and beside living runs: rows are claimed with locks, and
    nothing is copied twice. What was cancelled or stopped with Ctrl-C stays as it is.

    Args:
        quiet_minutes: How long nothing may have happened before a run that Prefect knows nothing
            certain of is taken for dead.
    """
    require_schema()
    swept = sweep(quiet_minutes)
    message = f"took over {len(swept.resumed):,} batches, {swept.single_copies:,} single copies"
    state = ended(
        message,
        swept,
        completed=len(swept.resumed) + swept.single_copies - swept.failed,
        failed=swept.failed,
        errors=bool(swept.unfinished),
        failure=CopiesFailed(swept.single_copies, f"{message}, all of which failed"),
    )
    return cast(Swept, state)


@task(name="sweep", task_run_name="take over what was left", cache_policy=NO_CACHE)
def sweep(quiet_minutes: int = QUIET_MINUTES) -> Swept:
    """The same as a task, for a flow that has more to do; what it took over."""
    before = utc_now() - timedelta(minutes=quiet_minutes)
    batches = read(lambda db: unfinished_batches(db, before))
    singles = read(lambda db: unfinished_singles(db, before))
    newest = read(last_event)
    resumed, unfinished = [], []
    for batch in dead(batches):
        state = bulk_order_factory(reference=batch.name, return_state=True)
        resumed.append(batch.name)
        over = isinstance(state.result(raise_on_failure=False), BatchFailed)
        if not (over or state.is_completed()):
            unfinished.append(batch.name)
    run = Run()
    for single in dead(singles):
        # The first is followed step by step, and no other: there may be many.
        copied = copy_order(single.key, follow=not run.times)
        run.times.add_all(copied.times)
    authorize_payments(Scope())
    run.singles = read(lambda db: read_singles(db, newest))
    account_for(run)
    failed = run.singles.failed
    closed = run.singles.completed + failed
    get_run_logger().info("took over %s batches, %s single copies", len(resumed), closed)
    return Swept(resumed=resumed, unfinished=unfinished, single_copies=closed, failed=failed)
