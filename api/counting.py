"""Counting the rows of a list, which is what a long list costs.

A long list is not counted again for each of its pages: its count is remembered for fifty times as
long as counting took, so that counting takes a fiftieth of the time at the most. A list of a
thousand rows or fewer is always counted.
"""

from collections.abc import Hashable
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Select, func

_ALWAYS_COUNTED = 1_000
_TIMES_AS_LONG = 50
_LONGEST_SECONDS = 60.0
_REMEMBERED = 1_000


def count_rows(db: Connection, rows: Select[Any]) -> int:
    """How many rows a statement gives."""
    counted = rows.with_only_columns(func.count(), maintain_column_froms=True)
    return db.scalar(counted) or 0


class LongCounts:
    """The counts of long lists that were counted a moment ago."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, tuple[int, float]] = {}
        self._lock = Lock()

    def count(self, db: Connection, name: Hashable, rows: Select[Any], least: int) -> int:
        """How many rows the list of this name has; `least` is what the caller has seen of it.

        The name says all that the rows depend on, the mode among it.
        """
        known = self._counts.get((name, db.engine.url))
        if known is not None and known[1] > monotonic():
            return max(known[0], least)
        began = monotonic()
        count = count_rows(db, rows)
        if count > _ALWAYS_COUNTED:
            now = monotonic()
            until = now + min((now - began) * _TIMES_AS_LONG, _LONGEST_SECONDS)
            self._remember((name, db.engine.url), count, until)
        return count

    def _remember(self, name: Hashable, count: int, until: float) -> None:
        with self._lock:
            self._counts.pop(name, None)
            self._counts[name] = (count, until)
            if len(self._counts) > _REMEMBERED:
                del self._counts[next(iter(self._counts))]
