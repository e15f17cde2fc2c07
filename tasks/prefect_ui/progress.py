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
    """A progress artifact. Its methods return at once, and the calls are made in their order.

    While the server is busy, only the newest figures wait to be shown.
    """

    def __init__(self, calls: ThreadPoolExecutor) -> None:
        self._calls = calls
        self._artifact: Future[UUID | None] | None = None
        self._newest = (0, 0)
        self._is_waiting = False

    def start(self, description: str) -> None:
        self._artifact = self._call(lambda: start_progress(description))

    def show(self, done: int, total: int) -> None:
        self._newest = (done, total)
        if self._artifact is not None and not self._is_waiting:
            self._is_waiting = True
            self._call(self._show_newest)

    def _show_newest(self) -> None:
        assert self._artifact is not None
        self._is_waiting = False
        show_progress(self._artifact.result(), *self._newest)

    def _call(self, call: Callable[[], R]) -> Future[R]:
        # In a copy of the context, Prefect finds the flow run and its open client.
        return self._calls.submit(copy_context().run, call)


@contextmanager
def showing_progress() -> Iterator[BackgroundProgress]:
    """Yield a progress to start and show. The end of the block waits for the last call."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="progress") as calls:
        yield BackgroundProgress(calls)
