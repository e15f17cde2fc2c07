"""Find a source order by its number or public id."""

from sqlalchemy import Connection, and_, or_, select

from order_factory.models.errors import SourceOrderAmbiguous, SourceOrderNotFound
from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.keys import clean_key
from order_factory.models.values.public_ids import Resource, parse_public_id, public_id
from order_factory.models.values.statuses import Mode
from order_factory.tasks.factories.similar_numbers import find_hints

# The modes in which an order is found by its id. In test mode no live order is found.
MODES_OF_IDS = {Mode.LIVE: tuple(Mode), Mode.TEST: (Mode.TEST,)}


def require_order(db: Connection, name: str, mode: Mode = Mode.LIVE) -> int:
    """Return the key of the order with this number in this mode, or with this public id.

    Spaces around the name are ignored, as in an import. In mode `test`, the id of a live order is
    not found. Raises `SourceOrderNotFound`, or `SourceOrderAmbiguous` if the name is the number of
    one order and the id of another.
    """
    name = clean_key(name)
    key = parse_public_id(Resource.orders, name)
    by_number = and_(Order.mode == mode, Order.number == name)
    by_id = and_(Order.id == key, Order.mode.in_(MODES_OF_IDS[mode]))
    query = select(Order.id).where(by_number if key is None else or_(by_number, by_id))
    keys = list(db.scalars(query.order_by(Order.id)))
    if not keys:
        raise SourceOrderNotFound(name, mode, *find_hints(db, [name], mode).values())
    if len(keys) > 1:
        raise SourceOrderAmbiguous(name, ", ".join(public_id(Resource.orders, k) for k in keys))
    return keys[0]


def choose_run_name(db: Connection, source_order: str | None, order_factory: str | None) -> str:
    """Return the order's number, or the given name if it has none. It becomes the run's name."""
    order_key = parse_public_id(Resource.orders, source_order or "")
    factory_key = parse_public_id(Resource.order_factories, order_factory or "")
    of_factory = select(OrderFactory.source_order_id).where(OrderFactory.id == factory_key)
    wanted = (
        Order.id == order_key if order_factory is None else Order.id == of_factory.scalar_subquery()
    )
    number = db.scalar(select(Order.number).where(wanted))
    return number or source_order or f"of order factory {order_factory}"
