"""Shielding child processes from Ctrl-C when a run needs them until its end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def shield_children() -> Iterator[None]:
    """Processes that this thread starts inside the block ignore Ctrl-C.

    A terminal sends Ctrl-C to all its processes. A run cannot end in order without its Prefect
    server or its Dask cluster. For this thread, Ctrl-C takes effect after the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
