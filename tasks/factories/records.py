"""Record one order factory before it is copied, and read its result."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, select
from sqlalchemy.orm import aliased

from order_factory.models.database.quick_statements import QuickInsert
from order_factory.models.database.upserts import insert_if_missing
from order_factory.models.errors import FactoryNotFound
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.results.copies import OrderFactoryResult, OrderRef
from order_factory.models.tables import Event, Order, OrderFactory, OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from order_factory.models.values.event_names import EventName
from order_factory.models.values.public_ids import Resource, parse_public_id, public_id
from order_factory.models.values.statuses import FactoryStatus, FactoryType
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.target_orders import TARGET_OR_MERGED

_INSERT_EVENT = QuickInsert(table_of(Event))


def create_factory(
    db: Connection,
    source_order_id: int,
    options: CopyOptions,
    idempotency_key: str | None,
    flow_run_id: str | None = None,
    retry_of_id: int | None = None,
) -> int:
    """Record a pending order copy and its event. Returns the factory's key.

    A repeated request with the same idempotency key returns the factory of the first request, even
    if both come at the same time. `flow_run_id` is the run that makes the copy. Without it, the
    service makes it. `retry_of_id` is the failed factory that this one retries.
    """
    now = utc_now()
    mode = select(Order.mode).where(Order.id == source_order_id).scalar_subquery()
    values = insert_if_missing(db, table_of(OrderFactory), "idempotency_key").values(
        type=FactoryType.ORDER_COPIES,
        mode=mode,
        source_order_id=source_order_id,
        status=FactoryStatus.PENDING,
        **options.choices(),
        reference=options.reference,
        reference_origin=options.reference_origin,
        metadata=options.metadata,
        idempotency_key=idempotency_key,
        flow_run_id=flow_run_id,
        retry_of_id=retry_of_id,
        created_at=now,
        updated_at=now,
    )
    key = db.scalar(values.returning(table_of(OrderFactory).c.id))
    if key is None:
        same = OrderFactory.idempotency_key == idempotency_key
        return int(db.execute(select(OrderFactory.id).where(same)).scalar_one())
    record_creation(db, int(key), now)
    return int(key)


def record_creation(db: Connection, factory_id: int, now: datetime) -> None:
    """Write the event that a factory was created."""
    event = {"name": EventName.CREATE, "order_factory_id": factory_id, "created_at": now}
    _INSERT_EVENT.insert(db, event)


def require_factory(db: Connection, name: str) -> int:
    """Return the key of the factory with this public id. Raises `FactoryNotFound`."""
    key = parse_public_id(Resource.order_factories, name)
    rows = select(OrderFactory.id).where(OrderFactory.id == key)
    if key is None or db.scalar(rows) is None:
        raise FactoryNotFound(name)
    return key


def read_factory(db: Connection, factory_id: int) -> OrderFactoryResult:
    """Return the result of one factory. Raises `FactoryNotFound`."""
    row = db.execute(select_factories().where(OrderFactory.id == factory_id)).one_or_none()
    if row is None:
        raise FactoryNotFound(public_id(Resource.order_factories, factory_id))
    return present(row)


@cache
def select_factories() -> Select[Any]:
    """Select a row per factory, with the columns of its orders and batch that `present` needs."""
    source, target = aliased(Order), aliased(Order)
    return (
        select(
            table_of(OrderFactory),
            OrderFactoryBatch.reference.label("batch_reference"),
            source.number.label("source_number"),
            source.status.label("source_status"),
            target.id.label("shown_order_id"),
            target.number.label("target_number"),
            target.status.label("target_status"),
        )
        .join(source, source.id == OrderFactory.source_order_id)
        .outerjoin(target, target.id == TARGET_OR_MERGED)
        .outerjoin(OrderFactoryBatch, OrderFactoryBatch.id == OrderFactory.batch_id)
    )


def present(row: Row[Any]) -> OrderFactoryResult:
    """Return a row of `select_factories` as people and clients see it."""
    values = dict(row._mapping)
    source = OrderRef(
        id=public_id(Resource.orders, values["source_order_id"]),
        number=values["source_number"],
        status=values["source_status"],
    )
    target = None
    if values["shown_order_id"] is not None:
        target = OrderRef(
            id=public_id(Resource.orders, values["shown_order_id"]),
            number=values["target_number"],
            status=values["target_status"],
        )
    values["id"] = public_id(Resource.order_factories, values["id"])
    return OrderFactoryResult.model_validate(
        values | {"source_order": source, "target_order": target}
    )
