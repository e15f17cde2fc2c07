"""The first errors of a batch, for its page in Prefect and the command line."""

from sqlalchemy import Connection, select

from order_factory.models.tables import CopyError, Order, OrderFactory
from order_factory.models.values.public_ids import Resource, public_id

SHOWN = 100


def read_first_errors(db: Connection, batch_id: int, shown: int = SHOWN) -> list[dict[str, str]]:
    """Return the first errors of the batch: the number (or id) of the order, field and message."""
    rows = (
        select(Order.number, Order.id, CopyError.field, CopyError.message)
        .join(OrderFactory, OrderFactory.id == CopyError.order_factory_id)
        .join(Order, Order.id == OrderFactory.source_order_id)
        .where(OrderFactory.batch_id == batch_id)
        .order_by(CopyError.id)
        .limit(shown)
    )
    return [
        {
            "order": row.number or public_id(Resource.orders, row.id),
            "field": row.field,
            "message": row.message,
        }
        for row in db.execute(rows)
    ]
