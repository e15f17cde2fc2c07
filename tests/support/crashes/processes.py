"""Worker processes that drain batches, and are killed at will."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

from tests.support.crashes.forked import ForkedProcess, pipe
from tests.support.crashes.worker import Job, work

PATIENCE_SECONDS = 90


class Worker:
    """A process that drains one batch after the other; it waits for `go`, and at its stop again."""

    def __init__(self, *jobs: Job) -> None:
        self._pipe, theirs = pipe()
        self._process = ForkedProcess(work, jobs, theirs)

    def go(self) -> Self:
        self._pipe.send("go")
        return self

    def stopped_at(self) -> str:
        """The stage at which it has stopped."""
        stage = self._read_stage()
        assert isinstance(stage, str), f"it never stopped and closed {stage}"
        return stage

    def closed(self) -> int:
        """How many factories it closed, once it has come to the end of a batch."""
        closed = self._read_stage()
        assert isinstance(closed, int), f"it stopped at {closed}"
        return closed

    def _read_stage(self) -> str | int:
        assert self._pipe.poll(PATIENCE_SECONDS), "the worker says nothing"
        message: str | int = self._pipe.recv()
        return message

    def kill(self) -> None:
        """SIGKILL; it is gone when this returns."""
        self._process.kill()
        self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.kill()
        self._pipe.close()


@contextmanager
def workers(*jobs: Job) -> Iterator[list[Worker]]:
    """A process for each job, gone at the end of the block."""
    with ExitStack() as stack:
        yield [stack.enter_context(Worker(job)) for job in jobs]


def killed_at_its_stop(*jobs: Job) -> list[int]:
    """Let a worker drain these batches, and kill it where the last of them is to stop.

    Returns how many factories it closed in each of the others.
    """
    *whole, last = jobs
    with Worker(*jobs) as worker:
        worker.go()
        closed = [worker.closed() for _ in whole]
        assert worker.stopped_at() == last.stop_at
    return closed


def ended(job: Job) -> int:
    """Let a worker drain the batch to its end; how many factories it closed."""
    with Worker(job) as worker:
        return worker.go().closed()
