"""Copying parts in the processes of a Dask cluster, started for the batch or already running.

Dask sends only importable functions and plain arguments: each process makes its own engine from its
own ORDER_FACTORY_DATABASE_URL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from logging import ERROR
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from order_factory.flows.runners.job import CopyParts, Job, Outcome, Parts
from order_factory.flows.runners.task_runs import submit_in_turn
from order_factory.flows.support.signal_shield import shield_children
from order_factory.flows.support.stop_signals import Stop
from order_factory.models.database.retrying import read
from order_factory.models.errors import InvalidRequest
from order_factory.tasks.batches.records import require_batch
from order_factory.tasks.copy_orders import BatchReport, copy_batch

ANSWER_SECONDS = 10


@task(name="copy batch", task_run_name="copy batch {part}", cache_policy=NO_CACHE)
def copy_part(reference: str, part: int, size: int) -> BatchReport:
    """Copy up to `size` unfinished factories of the batch with this reference.

    Raises `BatchNotFound` when this process uses another database.
    """
    batch_id = read(lambda db: require_batch(db, reference))
    return copy_batch.fn(batch_id, part, size)


def require_dask(address: str | None) -> None:
    """Raise `InvalidRequest` when Dask is not installed or no cluster answers at the address."""
    if find_spec("prefect_dask") is None:
        raise InvalidRequest(
            "The runner 'dask' needs prefect-dask. Install it: pip install 'order-factory[dask]'."
        )
    if address is not None:
        _require_answer(address)


@contextmanager
def copy_in_dask(job: Job, stop: Stop, address: str | None) -> Iterator[CopyParts]:
    runner = _make_task_runner(job.at_once, address)

    def copy(parts: Parts) -> Iterator[Outcome]:
        def submit(part: int) -> PrefectFuture[BatchReport]:
            given = {"reference": job.reference, "part": part, "size": parts.size}
            future: PrefectFuture[BatchReport] = runner.submit(copy_part, given)
            return future

        return submit_in_turn(submit, parts, job.at_once, stop)

    with runner:
        with shield_children():
            runner.client  # noqa: B018  (starts the cluster, or connects to the running one)
        yield copy


def _make_task_runner(processes: int, address: str | None) -> Any:
    from prefect_dask.task_runners import DaskTaskRunner

    if address is not None:
        return DaskTaskRunner(address=address)
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": processes,
            "threads_per_worker": 1,
            "dashboard_address": None,
            "silence_logs": ERROR,
        }
    )


def _require_answer(address: str) -> None:
    from distributed import Client

    try:
        with Client(address, timeout=ANSWER_SECONDS, set_as_default=False):  # type: ignore[no-untyped-call]
            pass
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"No Dask cluster answers at {address!r}: {error}") from error
