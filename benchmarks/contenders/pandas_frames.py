"""pandas: read the rows of the orders into frames, change the keys, and write the frames."""

from time import perf_counter
from typing import Any
from uuid import uuid4

import pandas as pd
from sqlalchemy import Connection, text

from benchmarks.measurement import Job, Timing
from benchmarks.selection import read_selection
from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import begin
from order_factory.models.tables import (
    Address,
    Event,
    LineItem,
    Order,
    OrderFactory,
    OrderFactoryBatch,
    PaymentSource,
)
from order_factory.models.tables.base import Base, utc_now

_FACTORIES = """
SELECT id AS factory_id FROM order_factories
WHERE batch_id = :batch AND status = 'pending' ORDER BY id LIMIT :size
"""
_IN_HAND = "FROM order_factories f JOIN orders o ON o.id = f.source_order_id"
_WHERE = "WHERE f.batch_id = :batch AND f.id BETWEEN :first AND :last"
_ORDERS = f"""
SELECT f.id AS factory_id, o.*, w.payment_source_id AS saved_id {_IN_HAND}
    LEFT JOIN customer_payment_sources w
        ON w.payment_source_id = o.payment_source_id AND w.customer_id = o.customer_id
{_WHERE} ORDER BY f.id
"""
_LINES = f"""
SELECT f.id AS factory_id, l.* {_IN_HAND} JOIN line_items l ON l.order_id = o.id
{_WHERE} ORDER BY f.id, l.id
"""
_ADDRESSES = f"SELECT a.* {_IN_HAND} JOIN addresses a ON a.id = o.billing_address_id {_WHERE}"
_SOURCES = f"SELECT p.* {_IN_HAND} JOIN payment_sources p ON p.id = o.payment_source_id {_WHERE}"
_CLOSE = """
UPDATE order_factories SET status = 'completed', target_order_id = c.target_order_id,
    started_at = :now, completed_at = :now, updated_at = :now, flow_run_id = :run
FROM closed c WHERE order_factories.id = c.factory_id
"""
_LEFT = [
    "order_factory_id",
    "number",
    "placed_at",
    "approved_at",
    "cancelled_at",
    "archived_at",
    "refreshed_at",
]
# A copy keeps none of them by default.
_REFERENCES = ["reference", "reference_origin"]


def _read(db: Connection, query: str, **values: Any) -> pd.DataFrame:
    return pd.read_sql(text(query), db, params=values, dtype_backend="numpy_nullable")


def _write(db: Connection, model: type[Base], frame: pd.DataFrame) -> None:
    """Append the rows. Columns without any value get the table's defaults."""
    frame = frame.dropna(axis="columns", how="all")
    types = {column.name: column.type for column in model.__table__.columns}
    kinds: Any = {name: types[name] for name in frame.columns}
    frame.to_sql(model.__tablename__, db, if_exists="append", index=False, dtype=kinds)


def _new_keys(db: Connection, model: type[Base], count: int) -> list[int]:
    name = model.__tablename__
    if on_sqlite(db):
        last = db.scalar(text(f"SELECT max(id) FROM {name}")) or 0
        return list(range(last + 1, last + count + 1))
    statement = text(f"SELECT nextval('{name}_id_seq') FROM generate_series(1, :count)")
    return list(db.scalars(statement, {"count": count}))


def _events(db: Connection, factories: pd.Series, *names: str) -> None:
    for name in names:
        rows = pd.DataFrame({"order_factory_id": factories})
        rows["name"], rows["created_at"] = name, utc_now()
        _write(db, Event, rows)


def _copy_rows(
    db: Connection, model: type[Base], rows: pd.DataFrame, wanted: pd.Series
) -> pd.Series:
    """Write a copy of each row with a wanted key. Returns the new keys by the index of `wanted`."""
    now = utc_now()
    rows = rows.drop(
        columns=["copied_from_id", "created_at", "updated_at", *_REFERENCES]
    ).drop_duplicates("id")
    copies = rows.set_index("id").loc[wanted].reset_index(names="copied_from_id")
    if "expires_at" in copies:
        copies["expires_at"] = pd.to_datetime(copies["expires_at"], utc=True)
    copies["created_at"] = copies["updated_at"] = now
    copies["id"] = _new_keys(db, model, len(copies))
    _write(db, model, copies)
    return pd.Series(copies["id"].to_numpy(), index=wanted.index, dtype="Int64")


def _record(db: Connection, numbers: list[str]) -> int:
    now = utc_now()
    batch = pd.DataFrame(
        [
            {
                "reference": "pandas",
                "selection": "pandas",
                "options": {},
                "orders_count": len(numbers),
            }
        ]
    )
    _write(db, OrderFactoryBatch, batch)
    batch_id = int(db.scalar(text("SELECT max(id) FROM order_factory_batches")) or 0)
    known = _read(db, "SELECT number, id AS source_order_id, mode FROM orders WHERE mode = 'live'")
    factories = pd.DataFrame({"number": numbers}).merge(known, on="number").drop(columns="number")
    factories = factories.assign(batch_id=batch_id, errors_count=0, created_at=now, updated_at=now)
    factories["id"] = _new_keys(db, OrderFactory, len(factories))
    _write(db, OrderFactory, factories)
    _events(db, factories["id"], "order_factories.create")
    return batch_id


def _copy(db: Connection, batch_id: int, size: int, run: str) -> int:
    """Copy the next pending factories of the batch. Returns their number."""
    ids = _read(db, _FACTORIES, batch=batch_id, size=size)["factory_id"]
    if ids.empty:
        return 0
    now = utc_now()
    parameters = {"batch": batch_id, "first": int(ids.min()), "last": int(ids.max())}
    orders, lines = _read(db, _ORDERS, **parameters), _read(db, _LINES, **parameters)
    saved = orders.pop("saved_id").dropna()
    orders["payment_source_id"] = _copy_rows(
        db, PaymentSource, _read(db, _SOURCES, **parameters), saved
    )
    # These orders have one address for both, so one new address is enough.
    addresses = _read(db, _ADDRESSES, **parameters)
    orders["billing_address_id"] = _copy_rows(db, Address, addresses, orders["billing_address_id"])
    orders["shipping_address_id"] = orders["billing_address_id"]
    orders = orders.drop(columns=_LEFT + _REFERENCES).rename(
        columns={"factory_id": "order_factory_id"}
    )
    orders["id"] = _new_keys(db, Order, len(orders))
    orders["number"] = "OF" + orders["id"].astype(str)
    orders = orders.assign(
        status="pending",
        payment_status="unpaid",
        fulfillment_status="unfulfilled",
        created_at=now,
        updated_at=now,
    )
    _write(db, Order, orders)
    targets = orders.set_index("order_factory_id")["id"]
    lines = lines.drop(columns=_REFERENCES)
    lines["copied_from_id"] = lines.pop("id")
    lines["order_id"] = lines.pop("factory_id").map(targets)
    _write(db, LineItem, lines.assign(created_at=now, updated_at=now))
    closed = targets.rename("target_order_id").rename_axis("factory_id").reset_index()
    closed.to_sql("closed", db, if_exists="replace", index=False)
    db.execute(text(_CLOSE), {"now": now if not on_sqlite(db) else str(now)[:26], "run": run})
    _events(db, ids, "order_factories.start", "order_factories.complete")
    return len(ids)


def run(job: Job) -> Timing:
    """Record and copy the selection, each batch in one transaction."""
    run_id = str(uuid4())
    started = perf_counter()
    with begin() as db:
        batch_id = _record(db, read_selection(job.selection))
    recorded = perf_counter()
    while True:
        with begin() as db:
            if not _copy(db, batch_id, job.batch_size, run_id):
                break
    ended = perf_counter()
    return Timing(recording=recorded - started, copying=ended - recorded, whole=ended - started)
