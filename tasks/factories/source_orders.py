"""Finding a source order by what people call it."""

from sqlalchemy import Connection, or_, select

from order_factory.models.errors import SourceOrderAmbiguous, SourceOrderNotFound
from order_factory.models.tables import Order
from order_factory.models.values.public_ids import Resource, key_of, public_id


def require_order(db: Connection, name: str) -> int:
    """The key of the order with this number or public id.

    Raises `SourceOrderNotFound`, or `SourceOrderAmbiguous` where the name fits several (the same
    number in test and in live mode).
    """
    key = key_of(Resource.orders, name)
    fits = Order.number == name
    query = select(Order.id).where(fits if key is None else or_(fits, Order.id == key))
    keys = list(db.scalars(query.order_by(Order.id)))
    if not keys:
        raise SourceOrderNotFound(name)
    if len(keys) > 1:
        raise SourceOrderAmbiguous(name, ", ".join(public_id(Resource.orders, k) for k in keys))
    return keys[0]
