"""Progress: what a long step tells to whoever shows it, such as a bar on the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class ProgressListener(Protocol):
    """Is told that `done` of `total` units of a step are done; `total` is None if not known."""

    def __call__(self, step: str, done: int, total: int | None) -> None: ...


_listener: ContextVar[ProgressListener | None] = ContextVar("progress_listener", default=None)


@contextmanager
def progress_shown_by(listener: ProgressListener) -> Iterator[None]:
    """Within the block, in this thread, progress is told to this listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report_progress(step: str, done: int, total: int | None) -> None:
    """Tell how far a step is; nothing happens where nobody listens."""
    listener = _listener.get()
    if listener is not None:
        listener(step, done, total)
