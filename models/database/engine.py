"""Create the engines and open the transactions. No other module does."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from order_factory.models.database.fair_lock import FairLock
from order_factory.models.database.json_containment import json_contains
from order_factory.models.database.json_picking import json_pick
from order_factory.models.database.long_multiplication import mul_div, mul_mod
from order_factory.models.database.poolers import PoolerShares, require_own_session
from order_factory.models.database.time_limits import OWN_TRANSACTIONS, lift_time_limit
from order_factory.models.errors import DatabaseAway, DatabaseNotReady, InvalidRequest
from order_factory.models.settings import Settings

BUSY_SECONDS = 30
_FORGET = "forget_statements"
CACHE_KIBIBYTES = 16_384

# If a machine disappears from the network, PostgreSQL would keep its rows locked for two hours. So
# both ends send a keepalive after 10 quiet seconds, and give up within half a minute.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
_UNANSWERED_MILLISECONDS = 30_000


@contextmanager
def begin() -> Iterator[Connection]:
    """Open a writing transaction on the shop's database: committed at the end, or rolled back.

    Raises `DatabaseNotReady` if the database cannot be reached.
    """
    engine = get_engine()
    # A thread that waits for the lock must not occupy a connection of the pool.
    with _get_write_lock(engine), connect(engine) as connection, connection.begin():
        yield connection


@contextmanager
def begin_without_key_checks() -> Iterator[Connection]:
    """Do the same on SQLite, which does not look up what each row refers to.

    The caller checks that all of these rows exist.
    """
    engine = get_engine()
    with _get_write_lock(engine), connect(engine) as connection:
        switch_key_checks(connection, on=False)
        try:
            with connection.begin():
                yield connection
        except BaseException:
            connection.invalidate()  # the pool must not reuse a connection without key checks
            raise
        switch_key_checks(connection, on=True)


def switch_key_checks(db: Connection, *, on: bool) -> None:
    """Switch SQLite's look-ups of what each row refers to; in a transaction, this does nothing."""
    driver: Any = db.connection.driver_connection
    driver.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")


@contextmanager
def connection() -> Iterator[Connection]:
    """Open a connection for several transactions, each begun with `writing_on`.

    Raises `DatabaseNotReady` if the database cannot be reached.
    """
    with connect(get_engine()) as db:
        yield db


@contextmanager
def writing_on(db: Connection) -> Iterator[Connection]:
    """Open a writing transaction on this connection: committed at the end, or rolled back."""
    with _get_write_lock(db.engine), db.begin():
        yield db


class WritingSession:
    """A connection for many short transactions. Close the session after the last one.

    A transaction need not get a connection from the pool, which takes as long as a small write.
    After an error, the next one gets another connection.
    """

    def __init__(self) -> None:
        self._db: Connection | None = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Do the same as `begin`."""
        if self._db is None:
            self._db = connect(get_engine())
        try:
            with writing_on(self._db):
                yield self._db
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Return the connection to the pool."""
        if self._db is not None:
            self._db.close()
            self._db = None


@contextmanager
def reading() -> Iterator[Connection]:
    """Open a transaction that only reads. On SQLite it does not wait for the writer."""
    engine = _get_reading_engine(get_engine())
    _require_file(engine.url)
    with connect(engine) as connection, connection.begin():
        yield connection


@lru_cache(maxsize=32)
def _get_reading_engine(engine: Engine) -> Engine:
    return engine.execution_options(read_only=True)


class ReadingSession:
    """A connection for many short reads. Each read sees all that was committed before it.

    A read need not get a connection and begin a transaction, which takes longer than a small read
    itself. Close the session after the last read.
    """

    def __init__(self) -> None:
        """Raises `DatabaseNotReady` if the database cannot be reached."""
        engine = _get_session_engine(get_engine())
        _require_file(engine.url)
        self._db = connect(engine)
        self._on_sqlite = engine.dialect.name == "sqlite"

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Let all reads in the block see the same rows on SQLite.

        On PostgreSQL each statement sees all rows that were committed before it, as in a READ
        COMMITTED transaction, and needs no transaction.
        """
        if not self._on_sqlite:
            yield self._db
            return
        driver: Any = self._db.connection.driver_connection
        driver.execute("BEGIN")
        try:
            yield self._db
        finally:
            driver.execute("ROLLBACK")
            if self._db.info.pop(_FORGET, False):
                self._db.invalidate()
                self._db.rollback()

    def close(self) -> None:
        """Return the connection to the pool without its time limit."""
        with self._db:
            try:
                lift_time_limit(self._db)
            except DBAPIError:
                self._db.invalidate()


def forget_statements(db: Connection) -> None:
    """Let a connection of a `ReadingSession` discard its statements after the current read.

    SQLite's driver keeps the last 256 statements of a connection, however large they are.
    """
    if db.dialect.name == "sqlite":
        db.info[_FORGET] = True


@lru_cache(maxsize=32)
def _get_session_engine(engine: Engine) -> Engine:
    options: dict[str, Any] = {OWN_TRANSACTIONS: True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "AUTOCOMMIT"
    return engine.execution_options(**options)


def checkpoint_soon() -> None:
    """Start a checkpoint of SQLite's log in the background.

    The commit is on the disk already. Without this, a later commit would make the checkpoint and
    wait for it. Nothing happens if a checkpoint is running, or on PostgreSQL, which has its own
    process for checkpoints.
    """
    engine = get_engine()
    if engine.dialect.name == "sqlite" and _checkpoint_lock.acquire(blocking=False):
        try:
            connection = engine.raw_connection()
        except BaseException:
            _checkpoint_lock.release()
            raise
        Thread(target=_make_checkpoint, args=(connection,), name="checkpoint").start()


def _make_checkpoint(connection: PoolProxiedConnection) -> None:
    try:
        with closing(connection):
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        _checkpoint_lock.release()


_checkpoint_lock = Lock()


def wait_for_checkpoint() -> None:
    """Wait until this process runs no checkpoint. A checkpoint holds a connection open."""
    with _checkpoint_lock:
        pass


def get_engine() -> Engine:
    """Return the engine for the configured database. Each process creates it once."""
    return _create_engine(
        _read_database_url(os.environ.get("ORDER_FACTORY_DATABASE_URL"), os.getcwd())
    )


@lru_cache(maxsize=32)
def _read_database_url(_in_the_environment: str | None, folder: str) -> URL:
    # Reading the settings takes as long as a query. They depend on the two parameters only.
    url = _parse_url(Settings().database_url)
    if url.get_backend_name() != "sqlite":
        return url
    # The path is absolute, because the process may change its working directory.
    return url.set(database=str(Path(folder, url.database or "")))


def _get_write_lock(engine: Engine) -> AbstractContextManager[None]:
    """Return the fair lock for writers on SQLite. PostgreSQL needs none."""
    if engine.url.get_backend_name() != "sqlite":
        return nullcontext()
    return _get_fair_lock(engine.url.database).hold(BUSY_SECONDS)


@lru_cache(maxsize=32)
def _get_fair_lock(_file: str | None) -> FairLock:
    return FairLock()


def has_one_writer() -> bool:
    """Whether a writing transaction keeps all other writers out: on SQLite."""
    return get_engine().dialect.name == "sqlite"


def has_connected() -> bool:
    """Whether this process has an engine."""
    return bool(_engines)


def close_connections() -> None:
    """Close all connections of this process. SQLite then makes a checkpoint."""
    wait_for_checkpoint()
    for engine in list(_engines):
        engine.dispose()


def connect(engine: Engine) -> Connection:
    """Open a connection.

    Raises `DatabaseAway` if the database cannot be reached, and `PoolerShares` if a pooler shares
    sessions between clients.
    """
    try:
        connection = engine.connect()
        if engine.dialect.name == "postgresql" and engine.url not in _urls_with_own_sessions:
            require_own_session(engine, connection)
            _urls_with_own_sessions.add(engine.url)
    except OperationalError as error:
        if "pooling mode" in str(error.orig):
            raise PoolerShares from None
        shown = engine.url.render_as_string(hide_password=True)
        message = (
            "it cannot be opened; see that it is running and ORDER_FACTORY_DATABASE_URL is right"
        )
        raise DatabaseAway(shown, message) from error
    except PoolerShares:
        connection.close()
        raise
    return connection


def _require_file(url: URL) -> None:
    """Raise `DatabaseNotReady` if the SQLite file is missing. Opening it would create it."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        message = "there is no such file; run `order-factory init`"
        raise DatabaseNotReady(url.render_as_string(), message)


# The URLs whose connections keep their sessions.
_urls_with_own_sessions: set[URL] = set()
# All living engines of this process.
_engines: WeakSet[Engine] = WeakSet()


@lru_cache(maxsize=32)
def _create_engine(url: URL) -> Engine:
    on_sqlite = url.get_backend_name() == "sqlite"
    engine = _create_sqlite_engine(url) if on_sqlite else _create_postgresql_engine(url)
    _engines.add(engine)
    return engine


def _create_postgresql_engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        hide_parameters=True,  # an error of the driver must not quote a customer's data
        pool_size=10,
        max_overflow=20,
        connect_args={
            "tcp_user_timeout": _UNANSWERED_MILLISECONDS,
            **_KEEPALIVES,
        },
    )

    @event.listens_for(engine, "connect")
    def prepare(dbapi: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        # A pooler such as PgBouncer would refuse them as startup options.
        cursor = dbapi.cursor()
        cursor.execute(_SET_SESSION)
        cursor.close()
        dbapi.commit()

    return engine


_SESSION_SETTINGS = {
    "jit": "off",  # for such short statements, compiling costs more than it saves
    # It fits the temporary tables of a part of 10,000 orders. The rest goes to the disk.
    "temp_buffers": "32768kB",
    "cursor_tuple_fraction": "1",  # a report or an export reads all rows of its cursor
    "idle_session_timeout": "0",  # the session of a process lock is idle
    "tcp_user_timeout": _UNANSWERED_MILLISECONDS,
    **{f"tcp_{name}": value for name, value in _KEEPALIVES.items()},
}
_VALUES = ", ".join(f"('{name}', '{value}')" for name, value in _SESSION_SETTINGS.items())
# It sets only the settings that this version of PostgreSQL knows.
_SET_SESSION = (
    f"SELECT set_config(name, value, false) FROM (VALUES {_VALUES}) AS wanted (name, value) "
    "WHERE current_setting(name, true) IS NOT NULL"
)


def _parse_url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        # The text may hold a password, so the message does not repeat it.
        raise InvalidRequest(
            "ORDER_FACTORY_DATABASE_URL is not a database URL; "
            "give sqlite:///PATH or postgresql://USER@HOST/NAME."
        ) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise InvalidRequest(
            f"ORDER_FACTORY_DATABASE_URL names {url.get_backend_name()!r}; "
            "the order factory runs on sqlite and on postgresql."
        )
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise InvalidRequest(
            "ORDER_FACTORY_DATABASE_URL names a SQLite database in memory, which each thread "
            "would see empty; give it a file: sqlite:///PATH."
        )
    return url


def _compute_digest(words: str) -> str:
    return sha256(words.encode()).hexdigest()


def _create_sqlite_engine(url: URL) -> Engine:
    file = Path(url.database or "")
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS, "cached_statements": 256},
    )

    @event.listens_for(engine, "do_connect")
    def make_file(*_connection: object) -> None:
        """Create the file for its owner only. The driver would make it readable for everyone."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600, exist_ok=True)

    @event.listens_for(engine, "connect")
    def prepare(dbapi: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        # The driver would send BEGIN before the first write only. A savepoint opened before that
        # would be committed when it is released. So the driver sends no BEGIN: `start` sends it.
        dbapi.isolation_level = None
        cursor = dbapi.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            f"cache_size=-{CACHE_KIBIBYTES}",
            # Only at 64 MiB, and not at every large commit: see `checkpoint_soon`.
            "wal_autocheckpoint=16384",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        dbapi.create_function("json_contains", 2, json_contains, deterministic=True)
        dbapi.create_function("json_pick", 2, json_pick, deterministic=True)
        dbapi.create_function("mul_div", 3, mul_div, deterministic=True)
        dbapi.create_function("mul_mod", 3, mul_mod, deterministic=True)
        dbapi.create_function("digest", 1, _compute_digest, deterministic=True)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(OWN_TRANSACTIONS, False):
            return  # see `ReadingSession`
        only_reads = options.get("read_only", False)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    return engine
