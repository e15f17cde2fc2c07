"""Process locks: a lock that a process holds until it ends, without a clock.

Payment gateways are called outside of any transaction, so no row lock shows which process calls.
Instead, a process writes its number into the rows that it claims, and holds the lock of that
number. If no process holds a number, its process has ended, and its rows can be claimed. On
PostgreSQL the lock is an advisory lock of a separate connection, on SQLite a locked file beside the
database.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol
from zlib import crc32

from filelock import FileLock, Timeout
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import connect, get_engine
from order_factory.models.database.retrying import retry_transient

# Keeps these locks apart from other advisory locks of the database.
_CLASS = 1_869_767_777
_CLASS_OF_NAMES = _CLASS + 1
_HELD = text(
    "SELECT CAST(objid AS bigint) FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND classid = :class AND database = (SELECT oid FROM pg_database "
    "WHERE datname = current_database())"
)
_TAKE = text("SELECT pg_advisory_lock(:class, :number)")
_TRY = text("SELECT pg_try_advisory_lock(:class, :number)")
_RELEASE = text("SELECT pg_advisory_unlock(:class, :number)")


class ProcessLock(Protocol):
    """A lock that this process holds."""

    def number(self) -> int:
        """Return the number to write into claimed rows, and make sure that the lock is held.

        Raises `DatabaseAway` if the lock was lost and cannot be taken again.
        """


@contextmanager
def hold_process_lock() -> Iterator[ProcessLock]:
    """Hold a process lock during the block."""
    number = secrets.randbelow(2**31 - 1) + 1
    on_file = get_engine().url.get_backend_name() == "sqlite"
    with _hold_locked_file(number) if on_file else _hold_advisory_lock(number) as lock:
        yield lock


def find_released_locks(db: Connection, numbers: Iterable[int]) -> set[int]:
    """Return the numbers that no process holds any more."""
    wanted = set(numbers)
    if not wanted:
        return wanted
    if on_sqlite(db):
        _remove_free_files()
        return {number for number in wanted if not _make_path(number).exists()}
    return wanted - set(db.scalars(_HELD, {"class": _CLASS}))


class _AdvisoryLock:
    """An advisory lock of a separate connection. If the connection is lost, it is taken again."""

    def __init__(self, number: int) -> None:
        self._values = {"class": _CLASS, "number": number}
        self._engine = get_engine().execution_options(isolation_level="AUTOCOMMIT")
        self._connection = retry_transient(self._take)

    def number(self) -> int:
        self._connection = retry_transient(self._ensure_connection)
        return self._values["number"]

    def release(self) -> None:
        # A lost connection has released its lock already.
        with suppress(DBAPIError):
            self._connection.execute(_RELEASE, self._values)
        self._connection.close()

    def _take(self) -> Connection:
        connection = connect(self._engine)
        try:
            connection.execute(_TAKE, self._values)
        except BaseException:
            connection.close()
            raise
        return connection

    def _ensure_connection(self) -> Connection:
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            self._connection.close()
            return self._take()
        return self._connection


@contextmanager
def _hold_advisory_lock(number: int) -> Iterator[ProcessLock]:
    lock = _AdvisoryLock(number)
    try:
        yield lock
    finally:
        lock.release()


class _FileLock:
    def __init__(self, number: int) -> None:
        self._number = number

    def number(self) -> int:
        return self._number


def _make_path(number: int) -> Path:
    database = get_engine().url.database or ""
    return Path(f"{database}-present-{number}")


@contextmanager
def _hold_locked_file(number: int) -> Iterator[ProcessLock]:
    _remove_free_files()
    path = _make_path(number)
    # The file gets its name after it is locked, because unlocked files are removed.
    unnamed = path.with_name(f".{path.name}")
    with FileLock(unnamed):
        unnamed.rename(path)
        try:
            yield _FileLock(number)
        finally:
            path.unlink(missing_ok=True)


def _remove_free_files() -> None:
    """Remove the files of killed processes, whose locks are free."""
    database = Path(get_engine().url.database or "")
    for path in database.parent.glob(f"{database.name}-present-*"):
        with suppress(Timeout, OSError), FileLock(path, timeout=0):
            path.unlink(missing_ok=True)


@contextmanager
def try_hold_lock(name: str) -> Iterator[ProcessLock | None]:
    """Hold the lock of this name during the block. Yields None if another process holds it."""
    on_file = get_engine().url.get_backend_name() == "sqlite"
    with _try_locked_file(name) if on_file else _try_advisory_lock(name) as lock:
        yield lock


@contextmanager
def _try_locked_file(name: str) -> Iterator[ProcessLock | None]:
    database = get_engine().url.database or ""
    file = FileLock(f"{database}-{name}.lock", timeout=0)
    try:
        file.acquire()
    except Timeout:
        yield None
        return
    try:
        yield _FileLock(_compute_number(name))
    finally:
        file.release()


@contextmanager
def _try_advisory_lock(name: str) -> Iterator[ProcessLock | None]:
    values = {"class": _CLASS_OF_NAMES, "number": _compute_number(name)}
    engine = get_engine().execution_options(isolation_level="AUTOCOMMIT")
    with connect(engine) as connection:
        if not connection.scalar(_TRY, values):
            yield None
            return
        try:
            yield _ConnectionLock(connection, values["number"])
        finally:
            # A lost connection has released its lock already.
            with suppress(DBAPIError):
                connection.execute(_RELEASE, values)


class _ConnectionLock:
    """A lock that is released when its connection is lost."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection, self._number = connection, number

    def number(self) -> int:
        self._connection.execute(text("SELECT 1"))
        return self._number


def _compute_number(name: str) -> int:
    return crc32(name.encode()) % 2**31
