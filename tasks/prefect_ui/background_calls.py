"""Calls to Prefect's server, made by a thread of their own while the run does its work."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

R = TypeVar("R")


class BackgroundCalls:
    """Makes calls one after the other, in their order."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread
        self._made: list[Future[Any]] = []

    def make(self, call: Callable[[], R]) -> Future[R]:
        """Make this call after those before it. Returns at once."""
        # In a copy of the context, Prefect finds the flow run and its open client.
        made = self._thread.submit(copy_context().run, call)
        self._made.append(made)
        return made

    def wait(self) -> None:
        """Wait for all calls. Raises the first exception of a call."""
        for each in self._made:
            each.result()


@contextmanager
def making_calls() -> Iterator[BackgroundCalls]:
    """Yield calls to make. The end of the block waits for the last one.

    It raises the first exception of a call, unless the block itself raises one.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefect-calls") as thread:
        calls = BackgroundCalls(thread)
        yield calls
        calls.wait()
