"""Copying each order in its own flow run, to follow the orders one by one in the Prefect UI."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner
from sqlalchemy import Connection

from order_factory.flows.order_factory import order_factory
from order_factory.flows.runners.job import CopyParts, Job, Outcome, Parts
from order_factory.flows.runners.task_runs import submit_in_turn
from order_factory.flows.support.stop_signals import Stop
from order_factory.models.database.retrying import read
from order_factory.models.errors import FactoryTaken, InvalidRequest
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.batches.records import (
    count_unfinished,
    list_unfinished_ids,
    require_divisible_batch,
)
from order_factory.tasks.copy_orders import BatchReport
from order_factory.tasks.factories.records import read_factory

MAX_ORDERS = 1_000


# Each flow run is started inside a task. Prefect numbers the flow runs that threads start from one
# flow run with a counter without a lock; inside a task run it uses the unique id of the task run.
@task(name="follow order", task_run_name="follow order factory {name}", cache_policy=NO_CACHE)
def follow_order(factory_id: int, name: str) -> Outcome:
    """Copy one factory in a flow run; its outcome is read from the database."""
    state = order_factory(order_factory_id=name, return_state=True)
    status = read(lambda db: read_factory(db, factory_id)).status
    if status not in (FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS):
        return BatchReport(closed=1)
    error = state.result(raise_on_failure=False)
    return error if isinstance(error, Exception) else FactoryTaken(name)


def require_small_batch(db: Connection, batch_id: int) -> None:
    """Raise `InvalidRequest` for a batch that is too large or that needs one transaction."""
    require_divisible_batch(db, batch_id)
    remaining = count_unfinished(db, batch_id)
    if remaining > MAX_ORDERS:
        raise InvalidRequest(
            "The runner 'flow_runs' starts a flow run for each order, which takes about a second. "
            f"It copies at most {MAX_ORDERS} orders, and the batch has {remaining}. Use 'threads'."
        )


@contextmanager
def copy_in_flow_runs(job: Job, stop: Stop) -> Iterator[CopyParts]:
    """Copy each order as a part. The parts that the caller asks for are ignored."""
    runner: ThreadPoolTaskRunner[Outcome] = ThreadPoolTaskRunner(max_workers=job.at_once)

    def copy(_parts: Parts) -> Iterator[Outcome]:
        factories = read(lambda db: list_unfinished_ids(db, job.batch_id))

        def submit(nth: int) -> PrefectFuture[Outcome]:
            key = factories[nth - 1]
            name = public_id(Resource.order_factories, key)
            return runner.submit(follow_order, {"factory_id": key, "name": name})

        return submit_in_turn(submit, Parts(len(factories), 1), job.at_once, stop)

    with runner:
        yield copy
