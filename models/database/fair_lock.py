"""A fair lock: the thread that has waited longest is next."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock


class FairLock:
    """A lock that one thread of this process holds at a time, in the order of their arrival.

    A writer that waits for SQLite tries again from time to time, so a busy writer could keep it out
    for ever. Python's own locks guarantee no order.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Event] = deque()
        self._taken = False

    @contextmanager
    def hold(self, seconds: float) -> Iterator[None]:
        """Hold the lock during the block. After `seconds` of waiting, continue without the lock."""
        is_held = self._take(seconds)
        try:
            yield
        finally:
            if is_held:
                self._pass_on()

    def _take(self, seconds: float) -> bool:
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            turn = Event()
            self._waiting.append(turn)
        if turn.wait(seconds):
            return True
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
        return True  # it was woken just as the wait ended

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
