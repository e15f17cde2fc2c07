"""Who is there: a lock that a process holds for as long as it lives, and no clock.

Payment gateways are called outside of any transaction, so no row's lock tells who is at it.
Instead a process writes its number into the rows that it takes up, and holds the lock of that
number. A row whose number nobody holds belongs to a process that is gone, and is free to take.
On PostgreSQL it is an advisory lock of a connection of its own, on SQLite a locked file beside
the database.
"""

import fcntl
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import get_engine

# Keeps these locks apart from whatever else the database's advisory locks are used for.
_CLASS = 1_869_767_777
_HELD = text(
    "SELECT CAST(objid AS bigint) FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND classid = :class AND database = (SELECT oid FROM pg_database "
    "WHERE datname = current_database())"
)


@contextmanager
def hold_process_lock() -> Iterator[int]:
    """Be there for the block; the number to write into what is taken up."""
    number = secrets.randbelow(2**31 - 1) + 1
    if get_engine().url.get_backend_name() == "sqlite":
        with _locked_file(number):
            yield number
    else:
        with _advisory_lock(number):
            yield number


def released_locks(db: Connection, numbers: Iterable[int]) -> set[int]:
    """Those of the numbers that no process holds any more."""
    asked = set(numbers)
    if not asked:
        return asked
    if on_sqlite(db):
        return {number for number in asked if not _is_locked(_file_of(number))}
    return asked - set(db.scalars(_HELD, {"class": _CLASS}))


@contextmanager
def _advisory_lock(number: int) -> Iterator[None]:
    engine = get_engine().execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        lock = {"class": _CLASS, "number": number}
        connection.execute(text("SELECT pg_advisory_lock(:class, :number)"), lock)
        try:
            yield
        finally:
            if not connection.invalidated:
                connection.execute(text("SELECT pg_advisory_unlock(:class, :number)"), lock)


def _file_of(number: int) -> Path:
    database = get_engine().url.database or ""
    return Path(f"{database}-present-{number}")


@contextmanager
def _locked_file(number: int) -> Iterator[None]:
    path = _file_of(number)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _is_locked(path: Path) -> bool:
    """Whether a process holds this file's lock; what a dead one left is cleared away."""
    try:
        file = path.open("r+")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        path.unlink(missing_ok=True)
        return False
