"""Counters that the processes of a service share, for the rate limits.

They are in a file that every process maps into its memory. It has a fixed number of slots. The
digest of a counter's name determines its slot. If all slots near it are used, the counter that
expires first is lost, and its requests are not counted. This needs tens of thousands of callers at
the same time.
"""

import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from threading import Lock

from limits.storage import MemoryStorage

_SLOT = Struct("<Qdq")  # the digest, the time at which it expires, the count
_SLOTS = 1 << 16
_NEAR = 16


class SharedCounters(MemoryStorage):
    """The storage of a `limits` strategy in a file; it only counts in windows of time."""

    def __init__(self, path: Path) -> None:
        """Use the counters in this file, which is made if there is none."""
        import fcntl  # Windows lacks it; a service has one process there

        super().__init__()
        self._set_lock, self._exclusive, self._unlocked = fcntl.flock, fcntl.LOCK_EX, fcntl.LOCK_UN
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._file, _SLOTS * _SLOT.size)
        self._slots = mmap.mmap(self._file, _SLOTS * _SLOT.size)
        self._mine = Lock()

    def get(self, key: str) -> int:
        with self._lock():
            return self._find(key)[1]

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        with self._lock():
            place, count = self._find(key)
            self._write(place, key, time.time() + expiry, count + amount)
            return count + amount

    def decr(self, key: str, amount: int = 1) -> int:
        with self._lock():
            place, count = self._find(key)
            _, expires_at, _ = _SLOT.unpack_from(self._slots, place)
            self._write(place, key, expires_at, max(0, count - amount))
            return max(0, count - amount)

    def _find(self, key: str) -> tuple[int, int]:
        """Return the place of a counter and its count; for a new one, a place that is free."""
        digest_sought, now = _digest(key), time.time()
        first, free, free_from = digest_sought % _SLOTS, 0, float("inf")
        for number in range(first, first + _NEAR):
            place = number % _SLOTS * _SLOT.size
            digest, expires_at, count = _SLOT.unpack_from(self._slots, place)
            if digest == digest_sought and expires_at > now:
                return place, count
            if expires_at < free_from:
                free, free_from = place, expires_at
        return free, 0

    def _write(self, place: int, key: str, expires_at: float, count: int) -> None:
        _SLOT.pack_into(self._slots, place, _digest(key), expires_at, count)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        # The lock of the file is the process's; a process that dies releases it.
        with self._mine:
            self._set_lock(self._file, self._exclusive)
            try:
                yield
            finally:
                self._set_lock(self._file, self._unlocked)


def _digest(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
