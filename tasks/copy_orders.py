"""The tasks that open a transaction: claim, copy everything claimed, commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prefect import task
from prefect.runtime import flow_run
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.engine import begin, checkpoint_soon
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.batches.chunking import LARGE
from order_factory.tasks.batches.records import require_divisible
from order_factory.tasks.copying.engine import CopiedOrders, copy_claimed
from order_factory.tasks.prefetch.prefetch import Prefetch
from order_factory.tasks.working_set.claims import (
    Claimed,
    claim_factory,
    claim_pending,
    claim_single,
)
from order_factory.tasks.working_set.retries import AGAIN
from order_factory.tasks.working_set.step import explained


@dataclass(frozen=True)
class BatchReport:
    """How many factories a transaction closed; the public ids of those that it could not close.

    `awaiting` is how many it copied that are not closed yet: a gateway has to be asked about them.
    """

    closed: int
    stuck: tuple[str, ...] = ()
    awaiting: int = 0


@task(name="copy order", task_run_name="copy order", **AGAIN)
def copy_order(factory_id: int) -> BatchReport:
    """Copy one order: a batch of one. Nothing is closed when another run holds the factory.

    Raises `TryAgain` when a fault of the database did not pass; the factory is still pending.
    """
    return _copy(lambda db: claim_factory(db, factory_id))


@task(name="copy batch", task_run_name="copy batch {part}", **AGAIN)
def copy_batch(
    batch_id: int, part: int, size: int, prefetch: Prefetch | None = None
) -> BatchReport:
    """Copy up to `size` unfinished factories of a batch; fewer where others copy them too.

    `part` only names the task run; `ahead` is for one thread that copies one part after the other.
    Raises `TryAgain` when a fault of the database did not pass, and
    `InvalidRequest` for a batch that must not be divided; the factories are still pending.
    """

    def claim(db: Connection) -> int:
        require_divisible(db, batch_id)
        return claim_pending(db, batch_id, size)

    return _copy(claim, prefetch)


@task(name="copy single orders", task_run_name="copy single orders", **AGAIN)
def copy_single_orders(size: int) -> BatchReport:
    """Copy up to `size` factories that were asked for one by one and wait to be carried out.

    Raises `TryAgain` when a fault of the database did not pass; the factories are still pending.
    """
    return _copy(lambda db: claim_single(db, size))


def _copy(claim: Callable[[Connection], int], prefetch: Prefetch | None = None) -> BatchReport:
    try:
        with prefetch.claimed(claim) if prefetch else _claimed(claim) as part:
            copied = CopiedOrders()
            if part.size:
                copied = copy_claimed(part.db, part.size, flow_run.id, part.prefetched)
        if part.size >= LARGE and not (prefetch and prefetch.checkpoints):
            checkpoint_soon()
    except DBAPIError as error:
        # Prefect logs what a task raises: it must not quote a row.
        raise explained(error, "batch") from None
    stuck = tuple(public_id(Resource.order_factories, key) for key in copied.stuck)
    return BatchReport(copied.closed, stuck, copied.awaiting)


@contextmanager
def _claimed(claim: Callable[[Connection], int]) -> Iterator[Claimed]:
    with begin() as db:
        yield Claimed(db, claim(db))
