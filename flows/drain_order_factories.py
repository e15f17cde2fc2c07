"""Copying the pending orders that clients requested through the HTTP API."""

from datetime import timedelta
from itertools import count
from time import perf_counter
from typing import Annotated, Any, cast

from prefect.runtime import flow_run
from pydantic import Field
from sqlalchemy import ColumnElement

from order_factory.flows.support.end_states import choose_end_state
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.retrying import read, write
from order_factory.models.database.schema import require_schema
from order_factory.models.results.copies import CopiesFailed
from order_factory.models.tables import OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.batches.deaths import DEATHS_ALLOWED, count_deaths, reduce_size
from order_factory.tasks.batches.pending import (
    HAS_NO_OWNER,
    find_waiting_batches,
    is_single_waiting,
    list_batches_to_read,
)
from order_factory.tasks.batches.records import finish_batch, read_error_policy, start_batch
from order_factory.tasks.copy_orders import (
    GIVING_UP,
    BatchReport,
    copy_batch,
    copy_order,
    copy_single_orders,
)
from order_factory.tasks.copy_whole_batch import BatchRolledBack, copy_whole_batch
from order_factory.tasks.factories.ended import read_last_event
from order_factory.tasks.outcomes.account import (
    Run,
    account_for,
    read_batch_account,
    read_singles,
)
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.read_batch_file import read_batch_file

SIZE = 2_000
_QUIET = timedelta(minutes=1)


@shop_flow(name="drain-order-factories", flow_run_name="copy pending orders")
def drain_order_factories(
    size: Annotated[int, Field(ge=1, le=100_000)] = SIZE,
    rounds: Annotated[int, Field(ge=1, le=10_000)] = 1,
) -> int:
    """Copy the pending orders, oldest first; returns how many factories completed or failed.

    A round is one transaction for the single copies and one for each batch. New single copies are
    copied before the next batch. Several runs may work at the same time: no factory is copied
    twice. When a run dies, its uncommitted copies are still pending. Raises `CopiesFailed` when
    all orders failed.

    Args:
        size: Copy at most this many orders in one transaction.
        rounds: Stop after this many rounds, even when orders are still pending.
    """
    require_schema()
    newest = read(read_last_event)
    run, parts, closed = Run(), count(1), 0
    for number in range(1, rounds + 1):
        in_round = _copy_singles(run, size, number)
        # A single copy does not wait for the end of a large file, nor for the other batches.
        waiting = _WaitingSingles(run, size, number)
        for batch_id in read(list_batches_to_read):
            read_batch_file(batch_id, size, waiting.copy)
        for batch_id in read(find_waiting_batches):
            in_round += _copy_part(run, batch_id, next(parts), size, waiting)
            waiting.copy()
        in_round += waiting.closed
        closed += in_round
        if not in_round:
            break
    run.singles = read(lambda db: read_singles(db, newest))
    account_for(run)
    return cast(int, _make_end_state(run, closed))


class _WaitingSingles:
    """Copies the single orders that wait while other work goes on; `closed` counts them."""

    def __init__(self, run: Run, size: int, number: int) -> None:
        self._run, self._size, self._number = run, size, number
        self.closed = 0

    def copy(self) -> None:
        if read(is_single_waiting):
            self.closed += _copy_singles(self._run, self._size, self._number)


def _copy_singles(run: Run, size: int, number: int) -> int:
    with count_deaths(HAS_NO_OWNER, _is_quiet()) as first:
        key, deaths = first or (0, 0)
        if deaths < DEATHS_ALLOWED:
            copied = copy_single_orders(reduce_size(deaths, size), number, follow=not run.times)
        else:
            copied = copy_order(key, GIVING_UP, follow=False)
    run.times.add_all(copied.times)
    return copied.closed + _authorize(run, Scope())


def _is_quiet() -> ColumnElement[bool]:
    """Whether a copy has been pending for so long that it may have killed earlier runs."""
    return OrderFactory.created_at < utc_now() - _QUIET


def _copy_part(run: Run, batch_id: int, part: int, size: int, waiting: _WaitingSingles) -> int:
    """Copy one part of the batch and finish the batch after its last part; factories finished.

    The steps of the first part of the run are shown in Prefect. A single copy does not wait until
    the report of a large batch is written.
    """
    started = perf_counter()
    write(lambda db: start_batch(db, batch_id, flow_run.id))
    with count_deaths(OrderFactory.batch_id == batch_id, _is_quiet()) as first:
        key, deaths = first or (0, 0)
        if read(lambda db: read_error_policy(db, batch_id)) == ErrorPolicy.REJECT_EVERYTHING:
            copied = _copy_whole(batch_id, size)
        elif deaths < DEATHS_ALLOWED:
            copied = copy_batch(batch_id, part, reduce_size(deaths, size), follow=not run.times)
        else:
            copied = copy_order(key, GIVING_UP, follow=False)
    run.times.add_all(copied.times)
    closed = copied.closed + _authorize(run, Scope(batch_id))
    finished = write(lambda db: finish_batch(db, batch_id))
    if finished:
        seconds = perf_counter() - started
        run.batches.append(
            read(
                lambda db: read_batch_account(
                    db, batch_id, closed=closed, seconds=seconds, meanwhile=waiting.copy
                )
            )
        )
    return closed


def _copy_whole(batch_id: int, size: int) -> BatchReport:
    try:
        return copy_whole_batch(batch_id, size, lambda: False)
    except BatchRolledBack:
        return BatchReport(0)  # another run holds some of its copies; a later run copies it


def _authorize(run: Run, scope: Scope) -> int:
    started = perf_counter()
    closed = authorize_payments(scope).closed
    if closed:
        run.times.add("authorize payments", closed, perf_counter() - started)
    return closed


def _make_end_state(run: Run, closed: int) -> Any:
    return choose_end_state(
        run.outcome,
        closed,
        completed=run.completed,
        failed=run.failed,
        errors=any(batch.result.errors for batch in run.batches),
        failure=CopiesFailed(closed, run.outcome),
    )
