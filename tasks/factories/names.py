"""Find a single copy by its idempotency key or reference, so that it is made once."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from order_factory.models.database.row_locks import skip_locked
from order_factory.models.errors import CopyDiffers, InvalidRequest
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.factories.records import create_factory
from order_factory.tasks.working_set.claims import is_to_copy
from order_factory.tasks.working_set.statements import table_of

_factory = table_of(OrderFactory)


@dataclass(frozen=True)
class Named:
    """The key of a factory, and whether an earlier call recorded it."""

    factory_id: int
    made_before: bool


def find_or_create(
    db: Connection,
    source_order_id: int,
    options: CopyOptions,
    flow_run_id: str,
    *,
    idempotency_key: str | None = None,
    again: bool = False,
) -> Named:
    """Return the factory with this name, or a new factory that this run copies.

    The name is the `idempotency_key`, or else the reference and the source order. With
    `again`, or without a name, each run makes a new copy. Raises `CopyDiffers` if the name belongs
    to a copy of another order or with other options.
    """
    if again and idempotency_key is not None:
        raise InvalidRequest("again makes another copy. Do not combine it with idempotency_key.")
    own = f"flow-run:{flow_run_id}"
    if idempotency_key is not None:
        name, key = f"idempotency key {idempotency_key!r}", f"key:{idempotency_key}"
    elif options.reference is not None and not again:
        name, key = (
            f"reference {options.reference!r}",
            f"reference:{source_order_id}:{options.reference}",
        )
        earlier = _find_by_reference(db, source_order_id, options.reference)
        if earlier is not None:
            newest = _find_newest_attempt(db, earlier)
            named = _take_over(db, newest, name, source_order_id, options, flow_run_id)
            return _retry_of_failed(db, named, source_order_id, options, flow_run_id)
    else:
        name, key = "run", own
    factory_id = create_factory(db, source_order_id, options, key, flow_run_id)
    row = db.execute(select(_factory).where(_factory.c.id == factory_id)).one()
    named = _take_over(
        db, _find_newest_attempt(db, row), name, source_order_id, options, flow_run_id
    )
    return _retry_of_failed(db, named, source_order_id, options, flow_run_id)


def _find_by_reference(db: Connection, source_order_id: int, reference: str) -> Row[Any] | None:
    """Return the first single copy of the order under this reference."""
    rows = select(_factory).where(
        _factory.c.source_order_id == source_order_id,
        _factory.c.reference == reference,
        _factory.c.batch_id.is_(None),
        _factory.c.order_subscription_id.is_(None),
    )
    return db.execute(rows.order_by(_factory.c.id).limit(1)).one_or_none()


def _find_newest_attempt(db: Connection, row: Row[Any]) -> Row[Any]:
    """Return the factory, or its latest retry."""
    while True:
        retries = select(_factory).where(_factory.c.retry_of_id == row._mapping["id"])
        newer = db.execute(retries.order_by(_factory.c.id.desc()).limit(1)).one_or_none()
        if newer is None:
            return row
        row = newer


def _retry_of_failed(
    db: Connection, named: Named, source_order_id: int, options: CopyOptions, flow_run_id: str
) -> Named:
    """Record a new attempt if this run has failed and is started again (*Retry* in Prefect).

    If the failed factory has a target order, there is no second attempt.
    """
    failed = select(_factory.c.id).where(
        _factory.c.id == named.factory_id,
        _factory.c.flow_run_id == flow_run_id,
        _factory.c.status == FactoryStatus.FAILED,
        _factory.c.target_order_id.is_(None),
    )
    if db.scalar(failed) is None:
        return named
    key = f"flow-run:{flow_run_id}/retry-of:{named.factory_id}"
    retry_of_id = named.factory_id
    attempt = create_factory(db, source_order_id, options, key, flow_run_id, retry_of_id)
    return Named(attempt, made_before=False)


def _take_over(
    db: Connection,
    row: Row[Any],
    name: str,
    source_order_id: int,
    options: CopyOptions,
    flow_run_id: str,
) -> Named:
    """Return the factory of the row. If the copy is not made yet, this run takes it over."""
    factory = row._mapping
    if factory["flow_run_id"] == flow_run_id:
        return Named(factory["id"], made_before=False)
    other = [
        f"with {option}={factory[option]}"
        for option, wanted in options.choices().items()
        if factory[option] != wanted
    ]
    if factory["source_order_id"] != source_order_id:
        other = [f"for order {public_id(Resource.orders, factory['source_order_id'])}"]
    if other:
        raise CopyDiffers(
            public_id(Resource.order_factories, factory["id"]), name, ", ".join(other)
        )
    unfinished = select(_factory.c.id).where(_factory.c.id == factory["id"], is_to_copy)
    if db.scalar(skip_locked(db, unfinished, _factory)) is not None:
        new_owner = {"flow_run_id": flow_run_id, "updated_at": utc_now()}
        db.execute(update(_factory).where(_factory.c.id == factory["id"]).values(new_owner))
    return Named(factory["id"], made_before=True)
