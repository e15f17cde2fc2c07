"""Counting the deaths of processes, to give up an order that kills its process each time.

A run that takes over unfinished copies, or waits for long, marks the first order before it copies,
and removes the mark afterwards, also after an error. A mark that remains shows that a process died.
The next run then copies fewer orders at a time, so that the order at fault becomes the first.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import ColumnElement, Connection, exists, false, select, update

from order_factory.models.database.retrying import read, write
from order_factory.models.database.row_locks import skip_locked
from order_factory.models.errors import OrderFactoryError
from order_factory.models.tables import OrderFactory
from order_factory.models.values.error_codes import ErrorCode
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.claims import is_to_copy
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import copies

DEATHS_ALLOWED = 3
_FEW = 50
_factory = table_of(OrderFactory)


@contextmanager
def count_deaths(*which: ColumnElement[bool]) -> Iterator[tuple[int, int] | None]:
    """Mark the first of these factories during the block. Yields its key and its earlier deaths.

    Yields None if no factory is left, or if another run is copying the first.
    """
    waiting = select(exists().where(is_to_copy, *which))
    marked = write(lambda db: _mark(db, *which)) if read(lambda db: db.scalar(waiting)) else None
    try:
        yield marked
    finally:
        if marked is not None:
            with suppress(OrderFactoryError):  # it is one death more than there were, at the most
                write(lambda db: _set_deaths(db, *marked))


def reduce_size(deaths: int, size: int) -> int:
    """Return the number of orders to copy at a time after this many deaths on the first one."""
    return (size, min(size, _FEW))[deaths] if deaths < 2 else 1


@step(name="give up", field="source_order", errors=None)
def give_up(db: Connection, _batch: Batch) -> int:
    """Record why the order is not copied, and mark the copies that will not be made."""
    message = (
        f"could not be copied: the process that copied it died {DEATHS_ALLOWED} times; "
        "see the logs of the worker or the service"
    )
    found = execute_and_count(
        db, insert_errors(ErrorCode.UNEXPECTED, message, field="source_order")
    )
    db.execute(update(copies).values(valid=false()))
    return found


def _mark(db: Connection, *which: ColumnElement[bool]) -> tuple[int, int] | None:
    first = select(_factory.c.id).where(is_to_copy, *which).order_by(_factory.c.id).limit(1)
    key = db.scalar(skip_locked(db, first, _factory))
    if key is None:
        return None
    deaths = db.execute(select(_factory.c.deaths).where(_factory.c.id == key)).scalar_one()
    _set_deaths(db, key, deaths + 1)
    return int(key), int(deaths)


def _set_deaths(db: Connection, key: int, deaths: int) -> None:
    db.execute(update(_factory).where(_factory.c.id == key).values(deaths=deaths))
