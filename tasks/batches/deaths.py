"""Count how often a process died, to give up an order that kills its process each time.

Before a run copies unfinished orders of another run, it marks the first order. It removes the mark
when it ends, also after an error. A mark that remains shows that the process died. The next run
copies fewer orders at a time, until the order that kills the process is the first one.
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
_REDUCED_SIZE = 50
_factory = table_of(OrderFactory)


@contextmanager
def count_deaths(*conditions: ColumnElement[bool]) -> Iterator[tuple[int, int] | None]:
    """Mark the first of these factories during the block. Yields its key and its earlier deaths.

    Yields None if no factory is left, or if another run is copying the first.
    """
    waiting = select(exists().where(is_to_copy, *conditions))
    mark = write(lambda db: _mark(db, *conditions)) if read(lambda db: db.scalar(waiting)) else None
    try:
        yield mark
    finally:
        if mark is not None:
            with suppress(OrderFactoryError):  # at worst, one death too many is counted
                write(lambda db: _set_deaths(db, *mark))


def reduce_size(deaths: int, size: int) -> int:
    """Return the number of orders to copy at a time after this many deaths on the first one."""
    return (size, min(size, _REDUCED_SIZE))[deaths] if deaths < 2 else 1


@step(name="give up", field="source_order", errors=None)
def give_up(db: Connection, _batch: Batch) -> int:
    """Record that the orders kill their process, and mark their copies as invalid.

    Returns the number of errors.
    """
    message = (
        f"could not be copied: the process that copied it died {DEATHS_ALLOWED} times; "
        "see the logs of the worker or the service"
    )
    errors_count = execute_and_count(
        db, insert_errors(ErrorCode.UNEXPECTED, message, field="source_order")
    )
    db.execute(update(copies).values(valid=false()))
    return errors_count


def _mark(db: Connection, *conditions: ColumnElement[bool]) -> tuple[int, int] | None:
    first = select(_factory.c.id).where(is_to_copy, *conditions).order_by(_factory.c.id).limit(1)
    key = db.scalar(skip_locked(db, first, _factory))
    if key is None:
        return None
    deaths = db.execute(select(_factory.c.deaths).where(_factory.c.id == key)).scalar_one()
    _set_deaths(db, key, deaths + 1)
    return int(key), int(deaths)


def _set_deaths(db: Connection, key: int, deaths: int) -> None:
    db.execute(update(_factory).where(_factory.c.id == key).values(deaths=deaths))
