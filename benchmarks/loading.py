"""Load the source shop directly into the tables."""

import os
import sqlite3
from collections.abc import Iterator
from io import BytesIO
from typing import LiteralString

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg import sql

from benchmarks.dataset import Tables
from order_factory.models.database.engine import get_engine
from order_factory.models.database.schema import upgrade

_ROWS_AT_ONCE = 100_000


def _call(db: psycopg.Connection, statement: LiteralString, *values: object) -> None:
    db.execute(statement, values)


def _sqlite_rows(frame: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Return the rows as Python values; times in UTC, as SQLAlchemy stores them."""
    columns = []
    for name in frame.columns:
        column = pa.array(frame[name])
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us")).cast(pa.string())
        columns.append(column.to_pylist())
    return zip(*columns, strict=True)


def _csv_parts(frame: pd.DataFrame) -> Iterator[bytes]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for batch in table.to_batches(_ROWS_AT_ONCE):
        buffer = BytesIO()
        options = pyarrow.csv.WriteOptions(include_header=False)
        pyarrow.csv.write_csv(batch, buffer, options)
        yield buffer.getvalue()


def make_schema(url: str) -> None:
    """Upgrade the schema of the database to the newest version, and select it in the settings."""
    os.environ["ORDER_FACTORY_DATABASE_URL"] = url
    upgrade()
    get_engine().dispose()


def load_sqlite(path: str, tables: Tables) -> None:
    """Fill the empty tables of a database, and collect statistics."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("BEGIN")
    for name, frame in tables.items():
        columns = ", ".join(frame.columns)
        places = ", ".join("?" * len(frame.columns))
        db.executemany(f"INSERT INTO {name} ({columns}) VALUES ({places})", _sqlite_rows(frame))
    db.execute("COMMIT")
    db.execute("ANALYZE")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def load_postgres(dsn: str, tables: Tables) -> None:
    """Fill the empty tables of a database, and collect statistics."""
    with psycopg.connect(dsn, autocommit=True) as db:
        # The references are correct by construction, and checking each of them takes a minute.
        db.execute("SET session_replication_role = replica")
        for name, frame in tables.items():
            copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
                sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
            )
            with db.cursor().copy(copy) as target:
                for part in _csv_parts(frame):
                    target.write(part)
            _call(db, "SELECT setval(%s, %s)", f"{name}_id_seq", len(frame))
        db.execute("VACUUM (ANALYZE, FREEZE)")
        db.execute("CHECKPOINT")
