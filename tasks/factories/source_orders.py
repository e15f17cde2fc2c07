"""Finding a source order by what people call it."""

from sqlalchemy import Connection, and_, or_, select

from order_factory.models.errors import SourceOrderAmbiguous, SourceOrderNotFound
from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.public_ids import Resource, key_of, public_id
from order_factory.models.values.statuses import Mode

# Of which modes an order may be that is named by its id. Who asks for test orders gets no live one.
MODES_OF_IDS = {Mode.LIVE: tuple(Mode), Mode.TEST: (Mode.TEST,)}


def require_order(db: Connection, name: str, mode: Mode = Mode.LIVE) -> int:
    """The key of the order of this mode with this number, or of the one with this public id.

    With the mode `test` the id of a live order names nothing. Raises `SourceOrderNotFound`, or
    `SourceOrderAmbiguous` where one order has the name as its number and another as its id.
    """
    key = key_of(Resource.orders, name)
    by_number = and_(Order.mode == mode, Order.number == name)
    by_id = and_(Order.id == key, Order.mode.in_(MODES_OF_IDS[mode]))
    query = select(Order.id).where(by_number if key is None else or_(by_number, by_id))
    keys = list(db.scalars(query.order_by(Order.id)))
    if not keys:
        raise SourceOrderNotFound(name, mode)
    if len(keys) > 1:
        raise SourceOrderAmbiguous(name, ", ".join(public_id(Resource.orders, k) for k in keys))
    return keys[0]


def label_of_order(db: Connection, source_order: str | None, order_factory: str | None) -> str:
    """The order's number where it has one, for the name of a run; else the name that was given."""
    order_key = key_of(Resource.orders, source_order or "")
    factory_key = key_of(Resource.order_factories, order_factory or "")
    of_factory = select(OrderFactory.source_order_id).where(OrderFactory.id == factory_key)
    wanted = (
        Order.id == order_key if order_factory is None else Order.id == of_factory.scalar_subquery()
    )
    number = db.scalar(select(Order.number).where(wanted))
    return number or source_order or f"of order factory {order_factory}"
