"""Worker processes that drain batches, and that a test can kill."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

from tests.support.crashes.forked import ForkedProcess, pipe
from tests.support.crashes.worker import Job, work

PATIENCE_SECONDS = 90


class Worker:
    """A process that drains one batch after the other. It waits for `go`, and again at its stop."""

    def __init__(self, *jobs: Job) -> None:
        self._pipe, child_end = pipe()
        self._process = ForkedProcess(work, jobs, child_end)

    def go(self) -> Self:
        self._pipe.send("go")
        return self

    def wait_for_stop(self) -> str:
        """Wait until the worker stops; returns the stage."""
        stage = self._read_stage()
        assert isinstance(stage, str), f"it never stopped and closed {stage}"
        return stage

    def wait_for_end(self) -> int:
        """Wait until the worker ends a batch; returns the number of closed factories."""
        closed = self._read_stage()
        assert isinstance(closed, int), f"it stopped at {closed}"
        return closed

    def _read_stage(self) -> str | int:
        assert self._pipe.poll(PATIENCE_SECONDS), "the worker says nothing"
        message: str | int = self._pipe.recv()
        return message

    def kill(self) -> None:
        """Kill the process with SIGKILL, and wait for its end."""
        self._process.kill()
        self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.kill()
        self._pipe.close()


@contextmanager
def start_workers(*jobs: Job) -> Iterator[list[Worker]]:
    """Start a process for each job. The processes are killed at the end of the block."""
    with ExitStack() as stack:
        yield [stack.enter_context(Worker(job)) for job in jobs]


def kill_at_stop(*jobs: Job) -> list[int]:
    """Let a worker drain these batches, and kill it at the stop of the last one.

    Returns the number of closed factories of each other batch.
    """
    *whole, last = jobs
    with Worker(*jobs) as worker:
        worker.go()
        closed = [worker.wait_for_end() for _ in whole]
        assert worker.wait_for_stop() == last.stop_at
    return closed


def drain_to_end(job: Job) -> int:
    """Let a worker drain the batch to its end; returns the number of closed factories."""
    with Worker(job) as worker:
        return worker.go().wait_for_end()
