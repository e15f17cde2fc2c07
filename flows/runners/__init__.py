"""The runners: where the parts of a batch run. The copies are the same with each.

A part is a transaction of some thousand orders (with `flow_runs`, one order). Every runner claims
its orders from the same recorded batch. So any runner can finish a batch that another one began.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Connection

from order_factory.flows.runners.job import CopyParts, Job
from order_factory.flows.support.stop_signals import Stop
from order_factory.models.errors import InvalidRequest
from order_factory.models.values.runners import Runner
from order_factory.tasks.batches.records import require_divisible_batch


@dataclass(frozen=True)
class ChosenRunner:
    """An available runner: how to open it for a job, and how to check a recorded batch.

    `accept` raises `InvalidRequest` for a batch that the runner cannot copy.
    """

    open: Callable[[Job, Stop], AbstractContextManager[CopyParts]]
    accept: Callable[[Connection, int], None] = require_divisible_batch


def choose_runner(runner: Runner, dask_address: str | None = None) -> ChosenRunner:
    """The runner of this name. Raises `InvalidRequest` when something that it needs is missing."""
    if dask_address is not None and runner != "dask":
        raise InvalidRequest(f"dask_address needs the runner 'dask', not {runner!r}.")
    # Imported when chosen: Dask is optional, and each import takes time.
    if runner == "dask":
        from order_factory.flows.runners.dask import copy_in_dask, require_dask

        require_dask(dask_address)
        return ChosenRunner(lambda job, stop: copy_in_dask(job, stop, dask_address))
    if runner == "workers":
        from order_factory.flows.runners.workers import copy_in_workers, require_workers

        pool = require_workers()
        return ChosenRunner(lambda job, stop: copy_in_workers(job, stop, pool))
    if runner == "flow_runs":
        from order_factory.flows.runners.flow_runs import copy_in_flow_runs, require_small_batch

        return ChosenRunner(copy_in_flow_runs, require_small_batch)
    from order_factory.flows.runners.threads import copy_in_threads

    return ChosenRunner(copy_in_threads, accept=lambda _db, _batch_id: None)
