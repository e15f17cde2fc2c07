"""Copies of a test's database, as a restored backup or a dump on another machine would be."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url, update

from order_factory.models.database.engine import begin, get_engine
from order_factory.models.database.identity import adopt_place
from order_factory.models.tables.shop_identity import ShopIdentity

_END_CONNECTIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"


@contextmanager
def clone(folder: Path, name: str = "clone") -> Iterator[str]:
    """Copy the settings' database; yields the URL. The copy is deleted at the end of the block."""
    url = get_engine().url
    get_engine().dispose()
    if url.get_backend_name() == "sqlite":
        path = folder / f"{name}.db"
        with (
            closing(sqlite3.connect(url.database or "")) as db,
            closing(sqlite3.connect(path)) as to,
        ):
            db.backup(to)
        yield f"sqlite:///{path}"
        return
    host = url.query["host"]
    with psycopg.connect(f"host={host} user=postgres dbname=postgres", autocommit=True) as db:
        names = sql.Identifier(name), sql.Identifier(url.database or "")
        # A template has no connections. The suite's own empties the database after the test.
        db.execute(_END_CONNECTIONS, [url.database])
        db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        try:
            yield f"postgresql://postgres@/{name}?host={host}"
        finally:
            db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))


@contextmanager
def use_database(url: str, *, adopted: bool = False) -> Iterator[None]:
    """Within the block, the settings name this database. With `adopted`, it becomes the shop."""
    before = os.environ["ORDER_FACTORY_DATABASE_URL"]
    os.environ["ORDER_FACTORY_DATABASE_URL"] = str(make_url(url).render_as_string(False))
    try:
        if adopted:
            with begin() as db:
                adopt_place(db)
        yield
    finally:
        get_engine().dispose()
        os.environ["ORDER_FACTORY_DATABASE_URL"] = before


@contextmanager
def mark_as_copy() -> Iterator[None]:
    """Within the block, the settings' database is a copy: its recorded place is another one."""
    with begin() as db:
        db.execute(update(ShopIdentity).values(place="elsewhere"))
    try:
        yield
    finally:
        with begin() as db:
            adopt_place(db)
