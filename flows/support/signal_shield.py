"""Keeping Ctrl-C from processes that a run needs until its end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def children_sheltered() -> Iterator[None]:
    """Processes that this thread starts within the block never see Ctrl-C.

    A terminal sends it to all of them at once, and a run could not end in order when its Prefect
    server or its Dask cluster is gone. Ctrl-C for this thread waits for the end of the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
