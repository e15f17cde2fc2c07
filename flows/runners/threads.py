"""Copying parts in threads of this process, the default runner."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from order_factory.flows.runners.job import CopyParts, Job, Outcome, Parts
from order_factory.flows.runners.task_runs import submit_in_turn
from order_factory.flows.support.stop_signals import Stop
from order_factory.tasks.batches.chunking import MIN_PARALLEL_SIZE
from order_factory.tasks.copy_orders import BatchReport, copy_batch
from order_factory.tasks.prefetch.prefetch import Prefetch, prefetching


@contextmanager
def copy_in_threads(job: Job, stop: Stop) -> Iterator[CopyParts]:
    runner: ThreadPoolTaskRunner[BatchReport] = ThreadPoolTaskRunner(max_workers=job.at_once)
    ahead: Prefetch | None = None
    with ExitStack() as after_the_runner:

        def copy(parts: Parts) -> Iterator[Outcome]:
            nonlocal ahead
            if (
                ahead is None
                and job.at_once == 1
                and parts.count > 1
                and parts.size >= MIN_PARALLEL_SIZE
            ):
                ahead = after_the_runner.enter_context(prefetching(job.batch_id))

            def submit(part: int) -> PrefectFuture[BatchReport]:
                given = {
                    "batch_id": job.batch_id,
                    "part": part,
                    "size": parts.size,
                    "prefetch": ahead,
                }
                return runner.submit(copy_batch, given)

            return submit_in_turn(submit, parts, job.at_once, stop)

        with runner:
            yield copy
