"""Worker processes, forked from one that has everything imported already, and killed at will."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager

from tests.crashes.worker import Job, work

PATIENCE_SECONDS = 90

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["pytest", "tasks.copy_batch", "tasks.selections.recording"])


class Worker:
    """A process that drains a batch; it waits for `go`."""

    def __init__(self, job: Job) -> None:
        self._pipe, theirs = _forking.Pipe()
        self._process = _forking.Process(target=work, args=(job, theirs))
        self._process.start()
        theirs.close()

    def go(self) -> "Worker":
        self._pipe.send("go")
        return self

    def stopped_at(self) -> str:
        """The stage at which it waits to be killed."""
        stage = self._told()
        assert isinstance(stage, str), f"it never stopped and closed {stage}"
        return stage

    def closed(self) -> int:
        """How many factories it closed, once it has come to the end."""
        closed = self._told()
        assert isinstance(closed, int), f"it stopped at {closed}"
        return closed

    def _told(self) -> str | int:
        assert self._pipe.poll(PATIENCE_SECONDS), "the worker says nothing"
        told: str | int = self._pipe.recv()
        return told

    def kill(self) -> None:
        """SIGKILL; it is gone when this returns."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        self._pipe.close()
        self._process.close()


@contextmanager
def workers(*jobs: Job) -> Iterator[list[Worker]]:
    """A process for each job, gone at the end of the block."""
    started = [Worker(job) for job in jobs]
    try:
        yield started
    finally:
        for worker in started:
            worker.kill()
            worker.close()


def killed_at_its_stop(job: Job) -> None:
    """Let a worker come as far as its stop, and kill it there."""
    with workers(job) as (worker,):
        assert worker.go().stopped_at() == job.stop_at


def ended(job: Job) -> int:
    """Let a worker drain the batch to its end; how many factories it closed."""
    with workers(job) as (worker,):
        return worker.go().closed()
