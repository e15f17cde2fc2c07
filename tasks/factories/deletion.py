"""Delete an order factory. Its target order stays."""

from sqlalchemy import Connection, delete, exists, select, update

from order_factory.models.database.row_locks import skip_locked
from order_factory.models.errors import FactoryInProgress, FactoryOfBatch, FactoryRetried
from order_factory.models.tables import (
    CopyError,
    LineItem,
    LineItemOption,
    Order,
    OrderFactory,
    Transaction,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.transactions import TransactionStatus
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.working_set.events import detach_events_of_factory
from order_factory.tasks.working_set.statements import table_of

_factory, _transaction = table_of(OrderFactory), table_of(Transaction)


def _remove_source_references(db: Connection, factory_id: int) -> None:
    """Remove the references to the source from the order that the factory made."""
    order = select(Order.id).where(Order.order_factory_id == factory_id)
    lines = select(LineItem.id).where(LineItem.order_id.in_(order))
    options = update(LineItemOption).where(LineItemOption.line_item_id.in_(lines))
    db.execute(options.values(copied_from_id=None))
    db.execute(update(LineItem).where(LineItem.order_id.in_(order)).values(copied_from_id=None))
    statement = update(Order).where(Order.order_factory_id == factory_id)
    db.execute(statement.values(order_factory_id=None))


def delete_factory(db: Connection, factory_id: int) -> None:
    """Delete a factory and its errors. Its order becomes an ordinary order, and its events stay.

    Raises `FactoryInProgress` while it is copied or waits for a gateway, and `FactoryRetried` if
    another factory has retried it. Raises `FactoryOfBatch` if it belongs to a batch, because a
    batch reports each of its copies.
    """
    row = select(_factory).where(_factory.c.id == factory_id)
    factory = db.execute(skip_locked(db, row, _factory)).one_or_none()
    name = public_id(Resource.order_factories, factory_id)
    is_own_payment = _transaction.c.order_factory_id == factory_id
    waits = exists().where(is_own_payment, _transaction.c.status == TransactionStatus.UNKNOWN)
    if factory is None or factory.status == FactoryStatus.IN_PROGRESS or db.scalar(select(waits)):
        raise FactoryInProgress(name)
    if factory.batch_id is not None:
        raise FactoryOfBatch(name)
    if db.scalar(select(exists().where(_factory.c.retry_of_id == factory_id))):
        raise FactoryRetried(name)
    _remove_source_references(db, factory_id)
    db.execute(update(_transaction).where(is_own_payment).values(order_factory_id=None))
    db.execute(delete(CopyError).where(CopyError.order_factory_id == factory_id))
    detach_events_of_factory(db, dict(factory._mapping), utc_now())
    db.execute(delete(_factory).where(_factory.c.id == factory_id))
