"""The threads that read: callers take turns, slow reads do not hold up others, errors are reported."""

import asyncio
from threading import Event

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from order_factory.api import readers
from order_factory.api.errors import ApiError
from order_factory.api.readers import Readers
from order_factory.models.database.engine import ReadingSession, forget_statements, reading
from order_factory.models.database.quick_statements import QuickSelect
from order_factory.models.database.time_limits import QueryTooLong, time_limit
from order_factory.models.tables import Order
from order_factory.tasks.working_set.statements import table_of

_order = table_of(Order)
FOREVER = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(1000)",
}


def run(threads, work):
    """Run a coroutine with this many reading threads."""
    readers = Readers(threads)
    readers.start()
    try:
        return asyncio.run(work(readers))
    finally:
        readers.stop()


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_callers_take_turns_and_slow_reads_hold_up_nobody(shop, monkeypatch):
    order, may_end = [], Event()
    monkeypatch.setattr(readers, "MOST_WAITING", 10)

    def slow(_db):
        assert may_end.wait(30)

    async def work(threads):
        # Each of two threads may do one of the slow reads of "a" at a time.
        slow_ones = [asyncio.create_task(threads.read("a", slow)) for _ in range(12)]
        await asyncio.sleep(0)
        others = [
            threads.read(caller, lambda _db, name=caller + str(n): order.append(name))
            for caller in "bc"
            for n in range(3)
        ]
        slow_ones[3].cancel()
        await asyncio.gather(*others)
        assert not any(each.done() for each in slow_ones[:3])
        may_end.set()
        return await asyncio.gather(*slow_ones, return_exceptions=True)

    ended = run(2, work)

    assert sorted(order) == ["b0", "b1", "b2", "c0", "c1", "c2"]
    assert {order[0][0], order[1][0]} == {"b", "c"}
    assert ended[:3] == [None] * 3
    assert isinstance(ended[3], asyncio.CancelledError)
    assert isinstance(ended[11], ApiError), "too many of this caller were waiting"
    assert ended[11].status == 429


def test_reads_of_a_thread_see_each_commit_and_lose_nothing_by_an_error(shop):
    def count(db):
        return len(QuickSelect(select(_order.c.id)).rows(db, {}))

    def fail(db):
        db.execute(text("SELECT nothing FROM nowhere"))

    def never_end(db):
        with time_limit(db, 0.1):
            db.execute(text(FOREVER[db.dialect.name]))

    async def work(threads):
        before = await threads.read("a", count)
        with pytest.raises(DBAPIError):
            await threads.read("a", fail)
        shop.order()
        between = await threads.read("a", count)
        with pytest.raises(QueryTooLong):
            await threads.read("a", never_end)
        shop.order()
        return before, between, await threads.read("a", count)

    assert run(1, work) == (0, 1, 2)


def test_a_session_leaves_no_time_limit_behind(shop):
    session = ReadingSession()
    with session.snapshot() as db, time_limit(db, 5):
        assert db.execute(text("SELECT 1")).scalar() == 1
    session.close()

    with reading() as db:
        if db.dialect.name == "postgresql":
            assert db.execute(text("SHOW statement_timeout")).scalar() == "0"
        assert not db.connection.info.get("statement_timeout")


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_the_driver_keeps_no_large_statement(shop):
    session = ReadingSession()
    connections = []
    for large in (False, True, False):
        with session.snapshot() as db:
            connections.append(db.connection.dbapi_connection)
            QuickSelect(select(_order.c.id)).rows(db, {})
            db.execute(select(_order.c.id))
            if large:
                forget_statements(db)
    session.close()

    assert connections[0] is connections[1]
    assert connections[1] is not connections[2]
