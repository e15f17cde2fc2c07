"""A loop over mapped objects, as in many shops: load an order, copy it, add the copy."""

from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import uuid4

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from benchmarks.measurement import Job, Timing
from benchmarks.selection import read_selection
from order_factory.models.database.engine import get_engine
from order_factory.models.tables import (
    Address,
    CustomerPaymentSource,
    Event,
    LineItem,
    Order,
    OrderFactory,
    OrderFactoryBatch,
    PaymentSource,
)
from order_factory.models.tables.base import Base, utc_now

_COMMIT_EVERY = 500
# A copy keeps no reference by default.
_OWN = {"id", "created_at", "updated_at", "copied_from_id", "reference", "reference_origin"}
_LEFT = {
    "number",
    "placed_at",
    "approved_at",
    "cancelled_at",
    "archived_at",
    "refreshed_at",
}


def _copy_of(source: Any, now: datetime, *left: str, **values: Any) -> Any:
    """Return a new object with the same attributes, except keys, times and left-out columns."""
    kind: type[Base] = type(source)
    carried = {
        attribute.key: getattr(source, attribute.key)
        for attribute in inspect(kind).column_attrs
        if attribute.key not in _OWN and attribute.key not in left
    }
    return kind(**{**carried, "created_at": now, "updated_at": now, **values})


def _record(db: Session, numbers: list[str]) -> int:
    """Add the batch, its pending factories and their events. Returns the batch's id."""
    now = utc_now()
    batch = OrderFactoryBatch(
        reference="orm", selection="orm", options={}, orders_count=len(numbers)
    )
    db.add(batch)
    db.flush()
    for number in numbers:
        source = db.scalars(select(Order).where(Order.mode == "live", Order.number == number)).one()
        factory = OrderFactory(
            mode=source.mode, source_order_id=source.id, batch_id=batch.id, errors_count=0
        )
        factory.created_at = factory.updated_at = now
        db.add(factory)
        db.flush()
        created = Event(name="order_factories.create", order_factory_id=factory.id, created_at=now)
        db.add(created)
    db.commit()
    return batch.id


def _copy(db: Session, factory: OrderFactory, run: str) -> None:
    now = utc_now()
    source = db.get_one(Order, factory.source_order_id)
    address = db.get_one(Address, source.billing_address_id)
    billing = _copy_of(address, now, copied_from_id=address.id)
    shipping = billing
    if source.shipping_address_id != source.billing_address_id:
        address = db.get_one(Address, source.shipping_address_id)
        shipping = _copy_of(address, now, copied_from_id=address.id)
    saved = select(CustomerPaymentSource).where(
        CustomerPaymentSource.payment_source_id == source.payment_source_id,
        CustomerPaymentSource.customer_id == source.customer_id,
    )
    payment = None
    if db.scalars(saved).one_or_none():
        original = db.get_one(PaymentSource, source.payment_source_id)
        payment = _copy_of(original, now, copied_from_id=original.id)
        db.add(payment)
    db.add_all([billing, shipping])
    db.flush()
    target = _copy_of(
        source,
        now,
        *_LEFT,
        order_factory_id=factory.id,
        status="pending",
        payment_status="unpaid",
        fulfillment_status="unfulfilled",
        billing_address_id=billing.id,
        shipping_address_id=shipping.id,
        payment_source_id=payment.id if payment else None,
    )
    db.add(target)
    db.flush()
    target.number = f"OF{target.id}"
    for line in db.scalars(select(LineItem).where(LineItem.order_id == source.id)):
        db.add(_copy_of(line, now, order_id=target.id, copied_from_id=line.id))
    factory.status = "completed"  # type: ignore[assignment]
    factory.target_order_id = target.id
    factory.started_at = factory.completed_at = factory.updated_at = now
    factory.flow_run_id = run
    for name in ("order_factories.start", "order_factories.complete"):
        db.add(Event(name=name, order_factory_id=factory.id, created_at=now))


def run(job: Job) -> Timing:
    """Record and copy the selection, committing every 500 orders."""
    run_id = str(uuid4())
    started = perf_counter()
    with Session(get_engine()) as db:
        batch_id = _record(db, read_selection(job.selection))
        recorded = perf_counter()
        rows = select(OrderFactory.id).where(OrderFactory.batch_id == batch_id)
        factories = list(db.scalars(rows.order_by(OrderFactory.id)))
        for place, factory_id in enumerate(factories, start=1):
            _copy(db, db.get_one(OrderFactory, factory_id), run_id)
            if place % _COMMIT_EVERY == 0:
                db.commit()
        db.commit()
    ended = perf_counter()
    return Timing(recording=recorded - started, copying=ended - recorded, whole=ended - started)
