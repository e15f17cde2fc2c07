"""Every order as a flow run of its own, to be followed one by one in the Prefect UI."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner
from sqlalchemy import Connection

from order_factory.flows.order_factory import order_factory
from order_factory.flows.runners.job import CopyParts, Job, Outcome, Parts
from order_factory.flows.runners.task_runs import in_turn
from order_factory.flows.support.stop_signals import Stop
from order_factory.models.database.retrying import read
from order_factory.models.errors import FactoryTaken, InvalidRequest
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.batches.records import count_unfinished, require_divisible, unfinished_ids
from order_factory.tasks.copy_orders import BatchReport
from order_factory.tasks.factories.records import read_factory

MOST = 1_000


# The task between keeps the flow runs apart: Prefect tells those that several threads start from
# one flow run by a counter that no lock guards, but those of a task run by an id of their own.
@task(name="follow order", task_run_name="follow order factory {name}", cache_policy=NO_CACHE)
def follow_order(factory_id: int, name: str) -> Outcome:
    """Carry out one factory in a flow run; what it came to is read from the database."""
    state = order_factory(order_factory_id=name, return_state=True)
    ended = read(lambda db: read_factory(db, factory_id)).status
    if ended not in (FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS):
        return BatchReport(closed=1)
    why = state.result(raise_on_failure=False)
    return why if isinstance(why, Exception) else FactoryTaken(name)


def require_few(db: Connection, batch_id: int) -> None:
    """Raises `InvalidRequest` for a batch too large to be followed order by order, or indivisible."""
    require_divisible(db, batch_id)
    left = count_unfinished(db, batch_id)
    if left > MOST:
        raise InvalidRequest(
            "The runner 'flow_runs' makes a flow run of each order, which takes about a second; "
            f"{left} orders are too many for it, {MOST} the most. Take 'threads'."
        )


@contextmanager
def copy_in_flow_runs(job: Job, stop: Stop) -> Iterator[CopyParts]:
    """Parts are orders here, however many parts are asked for."""
    runner: ThreadPoolTaskRunner[Outcome] = ThreadPoolTaskRunner(max_workers=job.at_once)

    def copy(_parts: Parts) -> Iterator[Outcome]:
        factories = read(lambda db: unfinished_ids(db, job.batch_id))

        def submit(nth: int) -> PrefectFuture[Outcome]:
            key = factories[nth - 1]
            name = public_id(Resource.order_factories, key)
            return runner.submit(follow_order, {"factory_id": key, "name": name})

        return in_turn(submit, Parts(len(factories), 1), job.at_once, stop)

    with runner:
        yield copy
