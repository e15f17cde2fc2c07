"""Delete an order factory. Its target order stays."""

from sqlalchemy import Connection, delete, select, update

from order_factory.models.database.row_locks import skip_locked
from order_factory.models.errors import FactoryInProgress, FactoryOfBatch
from order_factory.models.tables import (
    CopyError,
    LineItem,
    LineItemOption,
    Order,
    OrderFactory,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.working_set.events import detach_events_of_factory
from order_factory.tasks.working_set.statements import table_of

_factory = table_of(OrderFactory)


def _remove_source_references(db: Connection, factory_id: int) -> None:
    """Remove the references to the source from the order that the factory made."""
    order = select(Order.id).where(Order.order_factory_id == factory_id)
    lines = select(LineItem.id).where(LineItem.order_id.in_(order))
    options = update(LineItemOption).where(LineItemOption.line_item_id.in_(lines))
    db.execute(options.values(copied_from_id=None))
    db.execute(update(LineItem).where(LineItem.order_id.in_(order)).values(copied_from_id=None))
    mine = update(Order).where(Order.order_factory_id == factory_id)
    db.execute(mine.values(order_factory_id=None))


def delete_factory(db: Connection, factory_id: int) -> None:
    """Delete a factory and its errors. Its order becomes an ordinary order, and its events stay.

    Raises `FactoryInProgress` while it is being copied. Raises `FactoryOfBatch` if it belongs to a
    batch, because a batch reports each of its copies.
    """
    row = select(_factory).where(_factory.c.id == factory_id)
    found = db.execute(skip_locked(db, row, _factory)).one_or_none()
    name = public_id(Resource.order_factories, factory_id)
    if found is None or found.status == FactoryStatus.IN_PROGRESS:
        raise FactoryInProgress(name)
    if found.batch_id is not None:
        raise FactoryOfBatch(name)
    _remove_source_references(db, factory_id)
    db.execute(delete(CopyError).where(CopyError.order_factory_id == factory_id))
    detach_events_of_factory(db, dict(found._mapping), utc_now())
    db.execute(delete(_factory).where(_factory.c.id == factory_id))
