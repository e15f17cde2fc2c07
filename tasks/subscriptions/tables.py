"""The temporary tables of a subscription run. They are empty at the start of a transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table

from order_factory.models.database.dialects import analyze_table, fill
from order_factory.models.database.temporary_tables import open_tables
from order_factory.models.tables.base import BigId, UtcDateTime
from order_factory.tasks.working_set.tables import temporary

_METADATA = MetaData()


def _make_key_column(name: str) -> Column[int]:
    return Column(name, BigId, primary_key=True, autoincrement=False)


# The subscriptions that this transaction has locked, each with its next period.
next_runs = temporary(
    _METADATA,
    "tmp_subscription_runs",
    _make_key_column("order_subscription_id"),
    Column("next_run_at", UtcDateTime()),
)
# One row per due period, numbered from 1 in the order in which the copies are made.
periods = temporary(
    _METADATA,
    "tmp_subscription_periods",
    _make_key_column("rank"),
    Column("order_subscription_id", BigInteger, nullable=False),
    Column("period_at", UtcDateTime(), nullable=False),
)
# The failed factories to retry, each with the order that it could not place.
due_retries = temporary(
    _METADATA,
    "tmp_subscription_retries",
    _make_key_column("factory_id"),
    Column("order_subscription_id", BigInteger, nullable=False),
    Column("target_order_id", BigInteger),
)
# The subscriptions whose copies in a batch have all ended.
ended_subscriptions = temporary(
    _METADATA, "tmp_ended_subscriptions", _make_key_column("order_subscription_id")
)


def open_run_tables(db: Connection) -> None:
    """Create this connection's temporary tables, or empty them if they exist."""
    open_tables(db, _METADATA)


def fill_with_times(db: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows into a table. A row has its keys, flags, and times or None in column order."""
    if not rows:
        return
    to_database = UtcDateTime().dialect_impl(db.dialect).bind_processor(db.dialect)
    assert to_database is not None
    columns = {
        column.key: [to_database(each) if isinstance(each, datetime) else each for each in values]
        for column, values in zip(table.c, zip(*rows, strict=True), strict=True)
    }
    fill(db, table, columns)
    analyze_table(db, table)
