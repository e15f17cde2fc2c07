"""The source shop as a template, and new copies of it for each measurement."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql
from sqlalchemy import create_engine

from benchmarks.dataset import Tables
from benchmarks.loading import load_postgres, load_sqlite, make_schema
from order_factory.models import database

ReadTables = Callable[[], Tables]


def schema_digest() -> str:
    """Return a digest of the migrations, because a template with another schema is useless."""
    versions = Path(database.__file__).parent / "migrations" / "versions"
    text = b"".join(path.read_bytes() for path in sorted(versions.glob("*.py")))
    return hashlib.sha256(text).hexdigest()[:8]


def _remove(database: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)


def _run(db: psycopg.Connection, statement: str, *names: str) -> None:
    db.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def pay_by_hand(url: str) -> None:
    """Make all orders of this shop use the manual gateway."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as db:
        for table in ("payment_methods", "payment_sources"):
            db.exec_driver_sql(f"UPDATE {table} SET gateway = 'manual'")
    engine.dispose()


class Shops(Protocol):
    """The source of new shops."""

    def prepare(self, name: str, read: ReadTables) -> None:
        """Load the template with this name unless it exists."""

    def fresh(self, name: str) -> AbstractContextManager[str]:
        """Yield the URL of a copy of the template, which is deleted after the block."""


class SqliteShops:
    """One file per template; a new shop is a copy of the file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, name: str, read: ReadTables) -> None:
        template = self._file(name)
        if template.exists():
            return
        part = self._folder / "loading.db"
        _remove(part)
        make_schema(f"sqlite:///{part}")
        load_sqlite(str(part), read())
        part.rename(template)

    @contextmanager
    def fresh(self, name: str) -> Iterator[str]:
        copy = self._folder / "copy.db"
        _remove(copy)
        shutil.copyfile(self._file(name), copy)
        # Otherwise the contender's first checkpoint would wait for the writes of the copy.
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        yield f"sqlite:///{copy}"
        _remove(copy)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}_{schema_digest()}.db"


class PostgresShops:
    """One database per template, on a running server whose URLs have `{}` for the name."""

    def __init__(self, url: str) -> None:
        self._url = url

    def prepare(self, name: str, read: ReadTables) -> None:
        template = self._database(name)
        with self._server() as db:
            known = db.execute("SELECT 1 FROM pg_database WHERE datname = %s", (template,))
            if known.fetchone():
                return
            _run(db, "DROP DATABASE IF EXISTS {}", "loading")
            _run(db, "CREATE DATABASE {}", "loading")
            url = self._url.format("loading")
            make_schema(url)
            load_postgres(url, read())
            _run(db, "ALTER DATABASE {} RENAME TO {}", "loading", template)

    @contextmanager
    def fresh(self, name: str) -> Iterator[str]:
        with self._server() as db:
            _run(db, "DROP DATABASE IF EXISTS {} WITH (FORCE)", "copy")
            # Copy files; otherwise the copy would fill the write-ahead log of the contender.
            template = self._database(name)
            _run(db, "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", "copy", template)
            db.execute("CHECKPOINT")
            yield self._url.format("copy")
            _run(db, "DROP DATABASE {} WITH (FORCE)", "copy")

    def _server(self) -> psycopg.Connection:
        return psycopg.connect(self._url.format("postgres"), autocommit=True)

    def _database(self, name: str) -> str:
        return f"{name}_{schema_digest()}"
