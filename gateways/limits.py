"""A gateway's limits: calls at the same time, and calls per second.

Prefect's global limits hold for all processes, but each slot costs a request to its server.
That takes several times as long as the call's own records; docs/how-to/take-payments.md has
the figures.
"""

from threading import BoundedSemaphore, Lock
from time import monotonic, sleep


class CallLimits:
    """Starts calls at an even rate: a burst holds the calls of a tenth of a second at most."""

    def __init__(self, concurrency: int, calls_per_second: float) -> None:
        self._slots = BoundedSemaphore(concurrency)
        self._interval = 1 / calls_per_second if calls_per_second else 0.0
        self._slack = 0.1
        self._lock = Lock()
        self._next = monotonic()

    def __enter__(self) -> None:
        self._slots.acquire()
        if self._interval:
            sleep(self._wait())

    def __exit__(self, *_error: object) -> None:
        self._slots.release()

    def _wait(self) -> float:
        """Reserve the next start time. Returns the seconds that this call has to wait for it."""
        with self._lock:
            now = monotonic()
            turn = max(self._next, now - self._slack)
            self._next = turn + self._interval
            return max(turn - now, 0.0)
