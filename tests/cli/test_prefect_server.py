"""The connections of Prefect's server on SQLite."""

import asyncio
import gc
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from order_factory.cli.prefect_server import (
    ServerConnection,
    _use_server_connections,
    prepare_sqlite,
)

SECONDS = 20


@pytest.fixture
def url(tmp_path):
    prepare_sqlite()
    yield f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
    event.remove(Engine, "do_connect", _use_server_connections)


def test_freeing_a_failed_statement_does_not_wait_for_its_connection(url, tmp_path):
    """Otherwise the event loop waits until the timeout of the connection."""

    async def wait_for_the_lock_while_a_failed_statement_is_freed():
        engine = create_async_engine(url, connect_args={"timeout": SECONDS})
        async with engine.connect() as db:
            with pytest.raises(OperationalError, match="overflow") as failed:
                await db.execute(text("SELECT abs(-9223372036854775808)"))
            loop = asyncio.get_running_loop()
            loop.call_later(0.2, holder.rollback)
            transaction = asyncio.create_task(db.exec_driver_sql("BEGIN IMMEDIATE"))
            await asyncio.sleep(0.05)
            del failed
            gc.collect()
            started = loop.time()
            await transaction
            await db.rollback()
        await engine.dispose()
        return loop.time() - started

    with closing(sqlite3.connect(tmp_path / "prefect.db", isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode = WAL")
        holder.execute("BEGIN IMMEDIATE")
        waited = asyncio.run(wait_for_the_lock_while_a_failed_statement_is_freed())

    assert waited < SECONDS


def test_transactions_wait_for_the_write_lock_before_they_read(tmp_path):
    file = tmp_path / "prefect.db"
    with (
        closing(sqlite3.connect(file, factory=ServerConnection, isolation_level=None)) as one,
        closing(sqlite3.connect(file, timeout=0)) as other,
    ):
        one.cursor().execute("BEGIN DEFERRED")

        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("CREATE TABLE written (id)")


def test_a_cursor_that_was_left_open_is_closed_by_the_next_one(tmp_path):
    with closing(sqlite3.connect(tmp_path / "prefect.db", factory=ServerConnection)) as db:
        left = db.cursor()
        left.execute("SELECT 1 UNION SELECT 2")
        del left
        (waiting,) = db.left_open

        db.cursor().close()

        assert not db.left_open
        with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
            waiting.fetchone()
