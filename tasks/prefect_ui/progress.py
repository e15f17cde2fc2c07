"""The progress of a run in the Prefect UI, shown by a thread: no copy waits for the server."""

from concurrent.futures import Future
from uuid import UUID

from order_factory.tasks.prefect_ui.artifacts import show_progress, start_progress
from order_factory.tasks.prefect_ui.background_calls import BackgroundCalls


class BackgroundProgress:
    """A progress artifact. Its methods return at once, and the calls are made in their order.

    While the server is busy, only the newest figures wait to be shown.
    """

    def __init__(self, calls: BackgroundCalls) -> None:
        self._calls = calls
        self._artifact: Future[UUID | None] | None = None
        self._newest = (0, 0)
        self._is_waiting = False

    def start(self, description: str) -> None:
        self._artifact = self._calls.make(lambda: start_progress(description))

    def show(self, done: int, total: int) -> None:
        self._newest = (done, total)
        if self._artifact is not None and not self._is_waiting:
            self._is_waiting = True
            self._calls.make(self._show_newest)

    def _show_newest(self) -> None:
        assert self._artifact is not None
        self._is_waiting = False
        show_progress(self._artifact.result(), *self._newest)
