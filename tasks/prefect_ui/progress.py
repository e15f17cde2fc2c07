"""The progress of a run in the Prefect UI, shown by its own thread: no copy waits for the server."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar
from uuid import UUID

from order_factory.tasks.prefect_ui.artifacts import show_progress, start_progress

R = TypeVar("R")


class BackgroundProgress:
    """A progress artifact. Its methods return at once, and the calls are made in their order."""

    def __init__(self, calls: ThreadPoolExecutor) -> None:
        self._calls = calls
        self._artifact: Future[UUID | None] | None = None

    def start(self, description: str) -> None:
        self._artifact = self._call(lambda: start_progress(description))

    def show(self, done: int, total: int) -> None:
        if (artifact := self._artifact) is not None:
            self._call(lambda: show_progress(artifact.result(), done, total))

    def _call(self, call: Callable[[], R]) -> Future[R]:
        # In a copy of the context, Prefect finds the flow run and its open client.
        return self._calls.submit(copy_context().run, call)


@contextmanager
def showing_progress() -> Iterator[BackgroundProgress]:
    """Yield a progress to start and show. The end of the block waits for the last call."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="progress") as calls:
        yield BackgroundProgress(calls)
