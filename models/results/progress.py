"""Progress: a long step reports its progress to a listener, such as the command line's bar."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class ProgressListener(Protocol):
    """A function that gets `done` of `total` units of a step. An unknown `total` is None."""

    def __call__(self, step: str, done: int, total: int | None) -> None: ...


_listener: ContextVar[ProgressListener | None] = ContextVar("progress_listener", default=None)


@contextmanager
def show_progress_with(listener: ProgressListener) -> Iterator[None]:
    """Report progress to this listener, within the block and in this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report_progress(step: str, done: int, total: int | None) -> None:
    """Report the progress of a step. Without a listener, nothing happens."""
    listener = _listener.get()
    if listener is not None:
        listener(step, done, total)
