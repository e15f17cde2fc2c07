"""Keeping to a gateway's limits: so many calls at a time, and so many that begin per second.

Prefect's global limits would hold over all processes, but each slot is a request to its server,
several times as long as the bookkeeping of the call itself; docs/how-to/take-payments.md has the figures.
"""

from threading import BoundedSemaphore, Lock
from time import monotonic, sleep


class CallLimits:
    """Lets calls begin evenly: no burst beyond what a tenth of a second allows."""

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
        """How long this call has to wait for its turn; the next one's comes after it."""
        with self._lock:
            now = monotonic()
            turn = max(self._next, now - self._slack)
            self._next = turn + self._interval
            return max(turn - now, 0.0)
