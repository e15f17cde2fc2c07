"""The tasks that open a transaction: claim, copy everything claimed, commit."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.engine import (
    begin,
    begin_without_key_checks,
    checkpoint_soon,
    has_one_writer,
)
from order_factory.models.database.retrying import retry_transient, write
from order_factory.models.results.copies import OrderFactoryPreview
from order_factory.models.results.step_times import StepTime, StepTimes
from order_factory.models.tables import OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.counts import format_count
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.batches.chunking import MIN_PARALLEL_SIZE
from order_factory.tasks.batches.deaths import give_up
from order_factory.tasks.batches.records import require_divisible_batch
from order_factory.tasks.copying.engine import CopiedOrders, copy_claimed
from order_factory.tasks.copying.placing_again import (
    STEPS as PLACING_STEPS,
)
from order_factory.tasks.copying.placing_again import (
    claim_orders_to_place,
    keep_target_orders,
    load_orders_to_place,
    select_placed_again,
)
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.copying.rehearsal import rehearse_copy
from order_factory.tasks.factories.records import read_factory
from order_factory.tasks.outcomes.completion import record_outcomes
from order_factory.tasks.payments.open_payments import cancel_open_payments
from order_factory.tasks.prefect_ui.run_logs import log_line
from order_factory.tasks.prefetch.prefetch import Prefetch
from order_factory.tasks.reports.differences import read_differences
from order_factory.tasks.working_set.claims import (
    Claimed,
    claim_factory,
    claim_pending,
    claim_single,
)
from order_factory.tasks.working_set.references import refer_to_existing_rows
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.step import StepFunction, explain_error

# Used instead of copying: an order whose process has died too often fails with an error.
GIVING_UP: list[StepFunction] = [give_up, record_outcomes]


@dataclass(frozen=True)
class BatchReport:
    """The number of factories that a transaction finished, and the ids of those that it could not.

    `awaiting` counts the copied factories that wait for a payment gateway. `times` has the duration
    of each step.
    """

    closed: int
    stuck: tuple[str, ...] = ()
    awaiting: int = 0
    times: tuple[StepTime, ...] = ()

    @property
    def copied(self) -> int:
        """The number of factories in the transaction."""
        return self.closed + self.awaiting + len(self.stuck)


@task(name="copy order", task_run_name="copy order", cache_policy=NO_CACHE)
def copy_order(
    factory_id: int, steps: Sequence[StepFunction] = STEPS, follow: bool = True
) -> BatchReport:
    """Copy one order with these steps: a batch of one.

    When another run holds the factory, nothing is copied. With `follow`, each step is a task run.
    Raises `TryAgain` when a transient database error persists; the factory is still pending.
    """
    return _copy(lambda db: claim_factory(db, factory_id), follow=follow, steps=steps)


class _Rehearsed(Exception):
    """It rolls the transaction back, and has its result."""

    def __init__(self, preview: OrderFactoryPreview) -> None:
        super().__init__(preview)
        self.preview = preview


@task(name="dry run", task_run_name="dry run", cache_policy=NO_CACHE)
def rehearse_order(record: Callable[[Connection], int]) -> OrderFactoryPreview:
    """Record a factory and copy it, report its result, and roll everything back.

    Raises the errors of `record`, and `TryAgain` when a transient database error persists.
    """

    def rehearse() -> OrderFactoryPreview:
        try:
            with begin() as db:
                factory_id = record(db)
                rehearse_copy(db, factory_id, flow_run.id)
                result = read_factory(db, factory_id).model_dump()
                differences_by_id = read_differences(db, table_of(OrderFactory).c.id == factory_id)
                differences = differences_by_id.get(factory_id)
                raise _Rehearsed(OrderFactoryPreview(**result, differences=differences))
        except _Rehearsed as rehearsed:
            return rehearsed.preview
        except DBAPIError as error:
            # Prefect logs what a task raises: it must not quote a row.
            raise explain_error(error, "batch") from None

    return retry_transient(rehearse)


@task(name="copy batch", task_run_name="copy batch {part}", cache_policy=NO_CACHE)
def copy_batch(
    batch_id: int,
    part: int,
    size: int,
    prefetch: Prefetch | None = None,
    follow: bool | None = None,
) -> BatchReport:
    """Copy up to `size` unfinished factories of a batch, or fewer if other runs copy it too.

    `part` only names the task run. `prefetch` is for one thread that copies part after part. By
    default, only the steps of the first part are task runs. Raises `TryAgain` when a transient
    database error persists, and `InvalidRequest` for a batch that needs one transaction; the
    factories are still pending.
    """

    def claim(db: Connection) -> int:
        require_divisible_batch(db, batch_id)
        return claim_pending(db, batch_id, size)

    follows = part == 1 if follow is None else follow
    return _copy(claim, prefetch, follow=follows, part_size=size)


@task(name="copy single orders", task_run_name="copy single orders {part}", cache_policy=NO_CACHE)
def copy_single_orders(size: int, part: int = 1, follow: bool = True) -> BatchReport:
    """Copy up to `size` pending single copies.

    `part` only names the task run. With `follow`, the steps are task runs. Raises `TryAgain` when a
    transient database error persists; the factories are still pending.
    """
    return _copy(lambda db: claim_single(db, size), follow=follow)


@task(name="place orders again", task_run_name="place orders again", cache_policy=NO_CACHE)
def place_orders_again(batch_id: int, size: int) -> BatchReport:
    """Place up to `size` orders that were copied before. Counts finished and waiting orders.

    Raises `TryAgain` when a transient database error persists; the factories are still pending.
    """

    def place(db: Connection) -> CopiedOrders:
        claimed = claim_orders_to_place(db, batch_id, size)
        if not claimed:
            return CopiedOrders()
        copied = copy_claimed(
            db,
            claimed,
            flow_run.id,
            steps=PLACING_STEPS,
            load=load_orders_to_place,
            keep=keep_target_orders,
        )
        cancel_open_payments(db, select_placed_again(), utc_now())
        return copied

    try:
        copied = write(place)
    except DBAPIError as error:
        # Prefect logs what a task raises: it must not quote a row.
        raise explain_error(error, "batch") from None
    stuck = tuple(public_id(Resource.order_factories, key) for key in copied.stuck)
    return BatchReport(copied.closed, stuck, copied.awaiting, tuple(copied.times))


def _copy(
    claim: Callable[[Connection], int],
    prefetch: Prefetch | None = None,
    *,
    follow: bool,
    part_size: int | None = None,
    steps: Sequence[StepFunction] = STEPS,
) -> BatchReport:
    return retry_transient(
        lambda: _copy_once(claim, prefetch, follow=follow, part_size=part_size, steps=steps)
    )


def _copy_once(
    claim: Callable[[Connection], int],
    prefetch: Prefetch | None,
    *,
    follow: bool,
    part_size: int | None,
    steps: Sequence[StepFunction],
) -> BatchReport:
    copied = CopiedOrders()
    began = ended = perf_counter()
    try:
        with prefetch.claimed(claim) if prefetch else _open_claim(claim, part_size) as part:
            claim_seconds = perf_counter() - began
            if part.size:
                copied = copy_claimed(
                    part.db,
                    part.size,
                    flow_run.id,
                    part.prefetched,
                    # Outside of a flow run, no task run can show the steps.
                    followed=follow and flow_run.id is not None,
                    is_part=part_size is not None,
                    steps=steps,
                )
            ended = perf_counter()
        commit_seconds = perf_counter() - ended
        if part.size >= MIN_PARALLEL_SIZE and not (prefetch and prefetch.checkpoints):
            checkpoint_soon()
    except DBAPIError as error:
        # Prefect logs what a task raises: it must not quote a row.
        raise explain_error(error, "batch") from None
    times = StepTimes()
    if part.size:
        times.add("claim orders", part.size, claim_seconds)
        times.add_all(copied.times)
        times.add("commit", part.size, commit_seconds)
        log_line(f"{format_count(part.size, 'order')} in {perf_counter() - began:.2f} s")
    stuck = tuple(public_id(Resource.order_factories, key) for key in copied.stuck)
    return BatchReport(copied.closed, stuck, copied.awaiting, tuple(times))


@contextmanager
def _open_claim(claim: Callable[[Connection], int], part_size: int | None) -> Iterator[Claimed]:
    """Open a transaction that has claimed; on SQLite, a large part needs no further key checks."""
    if part_size and part_size >= MIN_PARALLEL_SIZE and has_one_writer():
        with begin_without_key_checks() as db:
            size = claim(db)
            if size and refer_to_existing_rows(db):
                yield Claimed(db, size)
                return
    with begin() as db:
        yield Claimed(db, claim(db))
