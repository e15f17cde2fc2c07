"""Copying in tests: the steps of the flows, without a Prefect server."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event, exists, insert, select, update

from order_factory.models.database.engine import begin, get_engine, reading
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import Base, OrderFactory, OrderFactoryBatch
from order_factory.models.values.public_ids import Resource, key_of
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

# Stands in what the database and the steps are made to complain with, and must not come out.
SECRET = "someone.private@shop.example"

# An `OrderFactoryResult`; a test knows which of its parts are there.
Ended = Any
Step = Callable[[Connection, Batch], int]


def request(order_id: int, **options: Any) -> int:
    """A pending factory that is to copy this order; its key."""
    with begin() as db:
        return create_factory(db, order_id, CopyOptions(**options), None)


def batch_of(factories: Iterable[int]) -> int:
    """A batch of these pending factories; its key."""
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
        mine = update(OrderFactory).where(OrderFactory.id.in_(keys))
        db.execute(mine.values(batch_id=batch_id))
    return batch_id


def find_or_record(
    reference: str, options: CopyOptions, orders: Any = None, orders_where: Any = None, **other: Any
) -> int:
    """The key of the batch of this reference, recorded and committed."""
    record = make_recorder(reference, options, orders=orders, orders_where=orders_where, **other)
    with begin() as db:
        return record(db)


def authorize(batch_id: int) -> list[str]:
    """Ask the gateways about a batch's payments; the problems that were met."""
    return authorize_payments.fn(Scope(batch_id)).problems


def copy_batch(batch_id: int) -> list[int]:
    """Claim all that is unfinished in a batch and copy it in one transaction; the stuck ones."""
    with begin() as db:
        claimed = claim_pending(db, batch_id, limit=10_000)
        return copy_claimed(db, claimed, FLOW_RUN).stuck if claimed else []


def results(factories: Iterable[int]) -> list[Ended]:
    with reading() as db:
        return [read_factory(db, factory_id) for factory_id in factories]


def run(*factories: int) -> list[Ended]:
    """Copy these pending factories as one batch, in one transaction; how each ended."""
    assert copy_batch(batch_of(factories)) == []
    return results(factories)


def copy(*orders: int, **options: Any) -> list[Ended]:
    """Copy these orders as one batch, all with the same options; how each ended."""
    return run(*[request(order_id, **options) for order_id in orders])


def copy_one(order_id: int, **options: Any) -> Ended:
    """Copy this order; how it ended."""
    (result,) = copy(order_id, **options)
    return result


def target_of(result: Ended) -> int:
    """The key of the order that this factory made."""
    assert result.target_order is not None, result.errors_log
    key = key_of(Resource.orders, result.target_order.id)
    assert key is not None
    return key


def factory_of(result: Ended) -> int:
    """The key of the factory."""
    key = key_of(Resource.order_factories, result.id)
    assert key is not None
    return key


def failing_for(*orders: int) -> Step:
    """A step that raises as soon as one of these source orders is among the copies in hand."""

    def fail(db: Connection, _batch: Batch) -> int:
        if db.scalar(select(exists().where(copies.c.source_order_id.in_(orders)))):
            raise RuntimeError(f"cannot handle {SECRET}")
        return 0

    return step(name="fail", field="line_items")(fail).fn


@contextmanager
def step_put_in(extra: Step, at: int) -> Iterator[None]:
    """Within the block, copying has this step, too."""
    STEPS.insert(at, extra)
    try:
        yield
    finally:
        STEPS.remove(extra)


def change(table: type[Base], keys: int | list[int], **values: Any) -> None:
    """Give this row or these rows other values, as their shop would."""
    wanted = [keys] if isinstance(keys, int) else keys
    with begin() as db:
        rows = table.__table__.c.id.in_(wanted)
        db.execute(update(table).where(rows).values(**values))


def whole_database() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, to compare with what they are later."""
    with reading() as db:
        return {
            table.name: [
                tuple(row) for row in db.execute(select(table).order_by(*table.primary_key))
            ]
            for table in Base.metadata.sorted_tables
        }


@contextmanager
def noted() -> Iterator[list[str]]:
    """The statements that are executed within the block."""
    statements: list[str] = []

    def note(_db: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(get_engine(), "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(get_engine(), "before_cursor_execute", note)
