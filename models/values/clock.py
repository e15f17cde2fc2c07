"""The clock of this process. Tests and examples move it to run a year in a minute."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_moved_to: datetime | None = None


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC) if _moved_to is None else _moved_to


@contextmanager
def stop_clock(time: datetime) -> Iterator[None]:
    """Stop the clock of the whole process at this aware time, in all of its threads."""
    global _moved_to
    before, _moved_to = _moved_to, time.astimezone(UTC)
    try:
        yield
    finally:
        _moved_to = before
