"""Count the rows of a list, the slow part of a long list.

The count of a long list is cached for fifty times as long as the count took. So counting takes at
most a fiftieth of the time. A list of up to a thousand rows is always counted.
"""

from collections.abc import Hashable
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Select, func

_ALWAYS_COUNTED = 1_000
_TIMES_AS_LONG = 50
_LONGEST_SECONDS = 60.0
_MOST_REMEMBERED = 1_000


def count_rows(db: Connection, rows: Select[Any]) -> int:
    """Return the number of rows that a statement selects."""
    statement = rows.with_only_columns(func.count(), maintain_column_froms=True)
    return db.scalar(statement) or 0


class LongCounts:
    """A cache of the counts of long lists."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, tuple[int, float]] = {}
        self._lock = Lock()

    def count(self, db: Connection, name: Hashable, rows: Select[Any], least: int) -> int:
        """Return the number of rows of the list with this name; there are at least `least`.

        The name contains everything that the rows depend on, including the mode.
        """
        known = self._counts.get((name, db.engine.url))
        if known is not None and known[1] > monotonic():
            return max(known[0], least)
        began = monotonic()
        count = count_rows(db, rows)
        if count > _ALWAYS_COUNTED:
            now = monotonic()
            expires_at = now + min((now - began) * _TIMES_AS_LONG, _LONGEST_SECONDS)
            self._remember((name, db.engine.url), count, expires_at)
        return count

    def _remember(self, name: Hashable, count: int, expires_at: float) -> None:
        with self._lock:
            self._counts.pop(name, None)
            self._counts[name] = (count, expires_at)
            if len(self._counts) > _MOST_REMEMBERED:
                del self._counts[next(iter(self._counts))]
