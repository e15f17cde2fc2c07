"""Prefetch on SQLite: while one part of a batch is written, another process reads the next.

SQLite allows one writing transaction at a time and any number of reading ones. Two threads would
slow each other down, since they share the lock of SQLite's memory allocator; two processes do not.
Prefetched data is used only if nothing can have changed it. Otherwise, or if the process is slow
or has ended, the data is read again.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy import Connection

from order_factory.models.database.engine import (
    checkpoint_soon,
    connection,
    switch_key_checks,
    writing_on,
)
from order_factory.models.database.sqlite_readers import can_prefetch, get_driver_connection
from order_factory.tasks.prefetch.plan import PREFETCHED, plan, prefetched_range
from order_factory.tasks.prefetch.process import Reader, start_reader
from order_factory.tasks.working_set.claims import Claimed, claimed_range
from order_factory.tasks.working_set.references import refer_to_existing_rows


class Prefetch:
    """The connection that copies one batch, part by part, and the reader of its next part."""

    def __init__(self, db: Connection, reader: Reader) -> None:
        self._db = db
        self._reader = reader
        self._commits_of_others = 0
        self._checks_references = True

    @contextmanager
    def claimed(self, claim: Callable[[Connection], int]) -> Iterator[Claimed]:
        """Open a writing transaction that has claimed the next part.

        The reader takes its snapshot while the current part locks the database, or later. If no
        other connection has committed since, only that part has written. The reader answers only
        if the rows of that part do not matter here.
        """
        answer = self._reader.answer()
        if answer:
            get_driver_connection(self._db).deserialize(answer, name=PREFETCHED)
            self._check_references(False)  # the reader has checked them
            with writing_on(self._db) as db:
                size = claim(db)
                # Both are the first factories of the batch, so equal ranges mean equal factories.
                claimed = claimed_range(db)
                unchanged = not self._others_have_committed()
                if size and unchanged and claimed == prefetched_range(db):
                    self._reader.request(claimed)
                    yield Claimed(db, size, prefetched=True)
                    return
        elif answer is None:  # nobody has checked the references of the first part
            self._check_references(False)
            with writing_on(self._db) as db:
                size = claim(db)
                self._others_have_committed()
                if size and refer_to_existing_rows(db):
                    self._reader.request(claimed_range(db))
                    yield Claimed(db, size)
                    return
        self._check_references(True)
        with writing_on(self._db) as db:
            size = claim(db)
            self._others_have_committed()
            if size:
                self._reader.request(claimed_range(db))
            yield Claimed(db, size)

    @property
    def checkpoints(self) -> bool:
        """Whether the reader makes the checkpoints."""
        return not self._reader.is_gone

    def _others_have_committed(self) -> bool:
        """Whether another connection has committed since the last call."""
        before = self._commits_of_others
        (self._commits_of_others,) = (
            get_driver_connection(self._db).execute("PRAGMA data_version").fetchone()
        )
        return self._commits_of_others != before

    def _check_references(self, asked: bool) -> None:
        """Switch SQLite's check of foreign keys on or off."""
        if asked != self._checks_references:
            switch_key_checks(self._db, on=asked)
            self._checks_references = asked


@contextmanager
def prefetching(batch_id: int) -> Iterator[Prefetch | None]:
    """Start prefetching for a thread that copies a batch; None if the database cannot do it."""
    with ExitStack() as opened:
        db = opened.enter_context(connection())
        if not can_prefetch(db):
            yield None
            return
        try:
            reader = opened.enter_context(start_reader(plan(db, batch_id)))
        except OSError:
            yield None
            return
        opened.callback(db.invalidate)  # the pool must not reuse a connection without foreign keys
        get_driver_connection(db).execute(f"ATTACH ':memory:' AS {PREFETCHED}")
        yield Prefetch(db, reader)
    checkpoint_soon()
