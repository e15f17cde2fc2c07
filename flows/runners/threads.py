"""Parts in threads of this process: the usual way."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from flows.runners.job import CopyParts, Job, Outcome, Parts
from flows.runners.task_runs import in_turn
from flows.stopping import Stop
from tasks.copy_batch import BatchReport, copy_batch


@contextmanager
def copy_in_threads(job: Job, stop: Stop) -> Iterator[CopyParts]:
    runner: ThreadPoolTaskRunner[BatchReport] = ThreadPoolTaskRunner(max_workers=job.at_once)

    def copy(parts: Parts) -> Iterator[Outcome]:
        def submit(part: int) -> PrefectFuture[BatchReport]:
            given = {"batch_id": job.batch_id, "part": part, "size": parts.size}
            return runner.submit(copy_batch, given)

        return in_turn(submit, parts.count, job.at_once, stop)

    with runner:
        yield copy
