"""Copying the orders that a transaction has claimed: each step copies all of them at once.

One bad order never fails its neighbours. When a step raises an unexpected error, the claimed
factories are halved until the faulty one is alone. It fails with that error in its log.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from sqlalchemy import Connection, false, func, select, update

from order_factory.models.database.dialects import snapshot
from order_factory.models.results.step_times import StepTimes
from order_factory.models.tables.base import utc_now
from order_factory.models.values.error_codes import ErrorCode
from order_factory.tasks.copying.check_orders import check_orders
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.outcomes.completion import record_outcomes
from order_factory.tasks.prefetch.plan import load_prefetched
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.claims import claimed_range, load_claimed
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.statements import execute_and_count
from order_factory.tasks.working_set.step import StepFailed, StepFunction, convert_to_failure
from order_factory.tasks.working_set.tables import claims, copies, empty_temporary_tables

Load = Callable[[Connection, int, int], None]
Keep = Callable[[Connection], None]


@dataclass
class CopiedOrders:
    """How many factories finished, how many wait for a gateway, and the ids of the stuck ones.

    A factory is stuck if it could not even be marked as failed. `times` has the steps' durations.
    """

    closed: int = 0
    awaiting: int = 0
    stuck: list[int] = field(default_factory=list)
    times: StepTimes = field(default_factory=StepTimes)


def copy_claimed(
    db: Connection,
    size: int,
    flow_run_id: str | None,
    prefetched: bool = False,
    *,
    followed: bool = False,
    is_part: bool = False,
    steps: Sequence[StepFunction] = STEPS,
    load: Load = load_claimed,
    keep: Keep | None = None,
    close: StepFunction = record_outcomes,
) -> CopiedOrders:
    """Copy all claimed factories with these steps. With `followed`, each step is a task run.

    `is_part` means that they belong to a recorded batch. `load` fills the temporary tables for the
    claimed factories between two ids. If a factory fails unexpectedly, `keep` and then `close` run
    for it alone; `close` is the last step. Raises `TryAgain` on a transient error: roll the
    transaction back and run it again.
    """
    copied = CopiedOrders()
    single = size == 1
    parts = [claimed_range(db)]
    while parts:
        size, first, last = parts.pop()
        batch = Batch(
            size,
            utc_now(),
            flow_run_id,
            snapshot(db),
            single,
            prefetched,
            followed,
            is_part,
            copied.times,
        )
        # Only the first part is prefetched, and only its steps are task runs.
        prefetched = followed = False
        try:
            closed = _copy_part(db, batch, first, last, steps, load)
            copied.closed += closed
            copied.awaiting += size - closed
        except Exception as error:  # noqa: BLE001  (halving finds the faulty order)
            failure = convert_to_failure(error)
            if size > 1:
                parts += _halves(db, first, last)
            elif _fail(db, replace(batch, followed=False), first, failure, load, keep, close):
                copied.closed += 1
            else:
                copied.stuck.append(first)
        if parts:
            empty_temporary_tables(db)
    return copied


def _copy_part(
    db: Connection,
    batch: Batch,
    first: int,
    last: int,
    steps: Sequence[StepFunction],
    load: Load,
) -> int:
    """Copy one part. Returns how many factories finish; the others wait for a gateway."""
    closed = 0
    with db.begin_nested():
        started = perf_counter()
        if batch.prefetched:
            load_prefetched(db)
        else:
            load(db, first, last)
        batch.times.add("load claimed orders", batch.size, perf_counter() - started)
        for step in steps:
            closed = step(db, batch)
    return closed


def _fail(
    db: Connection,
    batch: Batch,
    factory_id: int,
    failure: StepFailed,
    load: Load,
    keep: Keep | None,
    close: StepFunction,
) -> bool:
    """Mark this factory as failed, with the errors of the check and the unexpected error.

    Returns False if not even that is possible.
    """
    try:
        with db.begin_nested():
            load(db, factory_id, factory_id)
            try:
                with db.begin_nested():
                    check_orders(db, batch)
            except StepFailed:
                pass  # the same failure is recorded below
            execute_and_count(
                db, insert_errors(ErrorCode.UNEXPECTED, str(failure), field=failure.field)
            )
            db.execute(update(copies).values(valid=false()))
            if keep is not None:
                keep(db)
            close(db, batch)
    except StepFailed:
        return False
    return True


def _halves(db: Connection, first: int, last: int) -> list[tuple[int, int, int]]:
    """Split the claimed factories between these ids into halves: size, first id, last id."""
    ids = claims.c.factory_id
    half = func.ntile(2).over(order_by=ids).label("half")
    part = select(ids, half).where(ids.between(first, last)).subquery()
    rows = select(func.count(), func.min(part.c.factory_id), func.max(part.c.factory_id))
    return [
        (size, low, high)
        for size, low, high in db.execute(rows.group_by(part.c.half).order_by(part.c.half.desc()))
    ]
