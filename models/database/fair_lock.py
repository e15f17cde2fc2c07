"""Taking turns: who waits longest goes first."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock


class FairLock:
    """Lets one thread of this process in at a time, in the order in which they came.

    SQLite lets writers wait by looking again every so often. One that writes all the time would
    then keep out another for good; and Python's own locks promise no order either.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Event] = deque()
        self._taken = False

    @contextmanager
    def hold(self, seconds: float) -> Iterator[None]:
        """Hold the turn for the block; after this time without it, go on anyhow."""
        mine = self._take(seconds)
        try:
            yield
        finally:
            if mine:
                self._pass_on()

    def _take(self, seconds: float) -> bool:
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            called = Event()
            self._waiting.append(called)
        if called.wait(seconds):
            return True
        with self._lock:
            if called in self._waiting:
                self._waiting.remove(called)
                return False
        return True  # called at the last moment

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
