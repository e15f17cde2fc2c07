"""Copying in tests: the steps of the flows, without a Prefect server."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event, exists, insert, select, update

from order_factory.models.database.engine import begin, get_engine, reading
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import Base, OrderFactory, OrderFactoryBatch
from order_factory.models.values.public_ids import Resource, parse_public_id
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.factories.records import create_factory, read_factory
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.selections.finding import make_recorder
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.claims import claim_pending
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import copies

FLOW_RUN = "5f0c0e0e-0000-4000-8000-000000000001"

# Part of the messages that the database and the steps raise here. No output may contain it.
SECRET = "someone.private@shop.example"

# An `OrderFactoryResult`. Not typed: a test knows which of its attributes are not None.
Result = Any
Step = Callable[[Connection, Batch], int]


def request_copy(order_id: int, **options: Any) -> int:
    """Create a pending factory that copies this order; returns its key."""
    with begin() as db:
        return create_factory(db, order_id, CopyOptions(**options), None)


def make_batch(factories: Iterable[int]) -> int:
    """Create a batch of these pending factories; returns its key."""
    keys = list(factories)
    values = {
        "reference": uuid.uuid4().hex,
        "selection": "test",
        "options": {},
        "orders_count": len(keys),
    }
    with begin() as db:
        batch = insert(OrderFactoryBatch).values(values).returning(OrderFactoryBatch.id)
        batch_id = db.execute(batch).scalar_one()
        statement = update(OrderFactory).where(OrderFactory.id.in_(keys))
        db.execute(statement.values(batch_id=batch_id))
    return batch_id


def find_or_record(
    reference: str, options: CopyOptions, orders: Any = None, orders_where: Any = None, **other: Any
) -> int:
    """Record the batch with this reference, or find it; returns its key."""
    record = make_recorder(reference, options, orders=orders, orders_where=orders_where, **other)
    with begin() as db:
        return record(db)


def authorize(batch_id: int) -> list[str]:
    """Authorize the payments of a batch; returns the problems."""
    return authorize_payments.fn(Scope(batch_id)).problems


def copy_batch(batch_id: int) -> list[int]:
    """Copy the unfinished factories of a batch in one transaction; returns the stuck ones."""
    with begin() as db:
        claimed = claim_pending(db, batch_id, limit=10_000)
        return copy_claimed(db, claimed, FLOW_RUN).stuck if claimed else []


def read_results(factories: Iterable[int]) -> list[Result]:
    with reading() as db:
        return [read_factory(db, factory_id) for factory_id in factories]


def run(*factories: int) -> list[Result]:
    """Copy these pending factories as one batch, in one transaction; returns their results."""
    assert copy_batch(make_batch(factories)) == []
    return read_results(factories)


def copy(*orders: int, **options: Any) -> list[Result]:
    """Copy these orders as one batch, all with the same options; returns the results."""
    return run(*[request_copy(order_id, **options) for order_id in orders])


def copy_one(order_id: int, **options: Any) -> Result:
    """Copy this order; returns the result."""
    (result,) = copy(order_id, **options)
    return result


def target_of(result: Result) -> int:
    """The key of the order that this factory made."""
    assert result.target_order is not None, result.errors_log
    key = parse_public_id(Resource.orders, result.target_order.id)
    assert key is not None
    return key


def factory_of(result: Result) -> int:
    """The key of the factory."""
    key = parse_public_id(Resource.order_factories, result.id)
    assert key is not None
    return key


def make_failing_step(*orders: int) -> Step:
    """Make a step that raises if one of these source orders is copied in the transaction."""

    def fail(db: Connection, _batch: Batch) -> int:
        if db.scalar(select(exists().where(copies.c.source_order_id.in_(orders)))):
            raise RuntimeError(f"cannot handle {SECRET}")
        return 0

    return step(name="fail", field="line_items")(fail).fn


@contextmanager
def insert_step(extra: Step, at: int) -> Iterator[None]:
    """Within the block, copying has this step at this position, too."""
    STEPS.insert(at, extra)
    try:
        yield
    finally:
        STEPS.remove(extra)


def change(table: type[Base], keys: int | list[int], **values: Any) -> None:
    """Change these values of a row or of several rows."""
    key_list = [keys] if isinstance(keys, int) else keys
    with begin() as db:
        rows = table.__table__.c.id.in_(key_list)
        db.execute(update(table).where(rows).values(**values))


def read_database() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, to compare with the rows at another time."""
    with reading() as db:
        return {
            table.name: [
                tuple(row) for row in db.execute(select(table).order_by(*table.primary_key))
            ]
            for table in Base.metadata.sorted_tables
        }


@contextmanager
def record_statements() -> Iterator[list[str]]:
    """Record the statements that are executed within the block."""
    statements: list[str] = []

    def note(_db: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(get_engine(), "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(get_engine(), "before_cursor_execute", note)
