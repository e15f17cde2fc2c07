"""Reading ahead on SQLite: while one part of a batch is written, another process reads the next.

SQLite lets one transaction write at a time and any number read. Two threads of one process would
share the lock of its memory allocator, and each slow the other down; two processes do not. What was
read is believed only where nothing can have changed it since. Else it is read again, as if nothing
had been: also where that process is slow, or gone.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy import Connection

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import checkpoint_soon, connection, writing_on
from order_factory.tasks.prefetch.plan import AHEAD, plan, prefetched_range
from order_factory.tasks.prefetch.process import Reader, started
from order_factory.tasks.working_set.claims import Claimed, claimed_range


class Prefetch:
    """The connection that copies one batch, part by part, and the reader of its next part."""

    def __init__(self, db: Connection, reader: Reader) -> None:
        self._db = db
        self._reader = reader
        self._commits_of_others = 0
        self._asks_for_references = True

    @contextmanager
    def claimed(self, claim: Callable[[Connection], int]) -> Iterator[Claimed]:
        """One writing transaction on the shop's database, which has claimed the next part.

        The reader took its snapshot while the part before held the database, or later. So nobody
        but that part has written since, if no commit of others lies between the two; and that part
        has written nothing that matters here, or the reader would not have answered.
        """
        if found := self._reader.answer():
            _driver(self._db).deserialize(found, name=AHEAD)
            self._ask_for_references(False)  # the reader has asked
            with writing_on(self._db) as db:
                size = claim(db)
                # Both are the first ones of the batch, by their keys; so their ends tell.
                mine = claimed_range(db)
                unchanged = not self._others_have_committed()
                if size and unchanged and mine == prefetched_range(db):
                    self._reader.ask(mine)
                    yield Claimed(db, size, prefetched=True)
                    return
        self._ask_for_references(True)
        with writing_on(self._db) as db:
            size = claim(db)
            self._others_have_committed()
            if size:
                self._reader.ask(claimed_range(db))
            yield Claimed(db, size)

    @property
    def checkpoints(self) -> bool:
        """Whether the reader is there to write SQLite's log back into its file."""
        return not self._reader.is_gone

    def _others_have_committed(self) -> bool:
        """Whether another connection has, of any process, since this was asked last."""
        before = self._commits_of_others
        (self._commits_of_others,) = _driver(self._db).execute("PRAGMA data_version").fetchone()
        return self._commits_of_others != before

    def _ask_for_references(self, asked: bool) -> None:
        """Whether SQLite asks for each row that it writes if the rows it refers to are there."""
        if asked != self._asks_for_references:
            _driver(self._db).execute(f"PRAGMA foreign_keys = {'ON' if asked else 'OFF'}")
            self._asks_for_references = asked


@contextmanager
def prefetching(batch_id: int) -> Iterator[Prefetch | None]:
    """For one thread that copies one part of the batch after the other; None where it is no use."""
    with ExitStack() as opened:
        db = opened.enter_context(connection())
        # Some builds of SQLite can do without.
        if not on_sqlite(db) or not hasattr(sqlite3.Connection, "deserialize"):
            yield None
            return
        try:
            reader = opened.enter_context(started(plan(db, batch_id)))
        except OSError:
            yield None
            return
        opened.callback(db.invalidate)  # nobody else is to get a connection without references
        _driver(db).execute(f"ATTACH ':memory:' AS {AHEAD}")
        yield Prefetch(db, reader)
    checkpoint_soon()


def _driver(db: Connection) -> sqlite3.Connection:
    # Past SQLAlchemy, which would begin a transaction first.
    driver = db.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
