"""Finishing the batches and single copies of dead flow runs."""

from datetime import timedelta
from typing import Annotated, cast

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, Field

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.support.end_states import choose_end_state
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.retrying import read
from order_factory.models.database.schema import require_schema
from order_factory.models.results.copies import BatchFailed, CopiesFailed
from order_factory.models.tables import OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.counts import format_count
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.batches.chunking import BATCH_SIZE
from order_factory.tasks.batches.deaths import DEATHS_ALLOWED, count_deaths, reduce_size
from order_factory.tasks.batches.orphans import (
    Orphan,
    find_abandoned,
    find_unfinished_batches,
    find_unfinished_singles,
)
from order_factory.tasks.batches.records import read_error_policy
from order_factory.tasks.copy_orders import GIVING_UP, copy_order
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.factories.ended import read_last_event
from order_factory.tasks.outcomes.account import Run, account_for, read_singles
from order_factory.tasks.payments.claiming import Scope

QUIET_MINUTES = 15


class SweepResult(BaseModel, frozen=True):
    """The outcome of a sweep: the batches it resumed and the single copies it finished."""

    resumed: list[str] = Field(description="References of the resumed batches.")
    unfinished: list[str] = Field(description="References of resumed batches still unfinished.")
    single_copies: int = Field(description="Number of single copies that completed or failed.")
    failed: int = Field(default=0, description="Number of single copies that failed.")


@shop_flow(name="sweep-order-factories", flow_run_name="take over what was left")
def sweep_order_factories(
    quiet_minutes: Annotated[int, Field(ge=0, le=10_080)] = QUIET_MINUTES,
) -> SweepResult:
    """Finish the batches and single copies of dead flow runs.

    Several sweeps and other flow runs may work at the same time: rows are locked, and nothing is
    copied twice. Batches that were cancelled or stopped with Ctrl-C are left alone.

    Args:
        quiet_minutes: If Prefect does not know the state of a run, it counts as dead after this
            many minutes without a change.
    """
    require_schema()
    result = sweep(quiet_minutes)
    message = (
        f"took over {format_count(len(result.resumed), 'batch', 'batches')}, "
        f"{format_count(result.single_copies, 'single copy', 'single copies')}"
    )
    state = choose_end_state(
        message,
        result,
        completed=len(result.resumed) + result.single_copies - result.failed,
        failed=result.failed,
        errors=bool(result.unfinished),
        failure=CopiesFailed(result.single_copies, f"{message}, all of which failed"),
    )
    return cast(SweepResult, state)


def _finish_batch(batch: Orphan) -> bool:
    """Finish the batch; whether it is finished. Orders that end the process are given up."""
    is_whole = read(lambda db: read_error_policy(db, batch.key)) == ErrorPolicy.REJECT_EVERYTHING
    while True:
        with count_deaths(OrderFactory.batch_id == batch.key) as first:
            key, deaths = first or (0, 0)
            if deaths < DEATHS_ALLOWED:
                state = bulk_order_factory(
                    reference=batch.name,
                    batch_size=reduce_size(deaths, BATCH_SIZE),
                    return_state=True,
                )
                all_failed = isinstance(state.result(raise_on_failure=False), BatchFailed)
                return all_failed or state.is_completed()
            # If a batch is copied as a whole, nobody knows which order ends the process.
            if is_whole or not copy_order(key, GIVING_UP, follow=False).closed:
                return False


@task(name="sweep", task_run_name="take over what was left", cache_policy=NO_CACHE)
def sweep(quiet_minutes: int = QUIET_MINUTES) -> SweepResult:
    """Finish the copies of dead flow runs, as a task inside another flow; returns the outcome."""
    before = utc_now() - timedelta(minutes=quiet_minutes)
    batches = read(lambda db: find_unfinished_batches(db, before))
    singles = read(lambda db: find_unfinished_singles(db, before))
    newest = read(read_last_event)
    resumed, unfinished = [], []
    for batch in find_abandoned(batches):
        resumed.append(batch.name)
        if not _finish_batch(batch):
            unfinished.append(batch.name)
    run = Run()
    for single in find_abandoned(singles):
        # Prefect shows the steps of the first copy only: there may be many.
        with count_deaths(OrderFactory.id == single.key) as first:
            gives_up = first is not None and first[1] >= DEATHS_ALLOWED
            copied = copy_order(
                single.key, GIVING_UP if gives_up else STEPS, follow=not run.times and not gives_up
            )
        run.times.add_all(copied.times)
    authorize_payments(Scope())
    run.singles = read(lambda db: read_singles(db, newest))
    account_for(run)
    failed = run.singles.failed
    closed = run.singles.completed + failed
    get_run_logger().info("took over %s batches, %s single copies", len(resumed), closed)
    return SweepResult(resumed=resumed, unfinished=unfinished, single_copies=closed, failed=failed)
