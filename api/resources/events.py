"""Events: what happened to an order factory, named after its resource."""

from sqlalchemy import BigInteger, FromClause, String, cast, func, literal, null, select

from order_factory.api.resources.attributes import made_up, own_mode, text, time
from order_factory.api.resources.description import Attribute, Relationship, ResourceType, Type
from order_factory.models.tables import Event, OrderFactory
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.working_set.statements import table_of

_event, _factory = table_of(Event), table_of(OrderFactory)
_STORED = "order_factories"


def _named_events() -> FromClause:
    """The events with the names of the reference: `order_copies.complete` for an order copy."""
    name = func.replace(_event.c.name, literal(_STORED), _factory.c.type, type_=String)
    return (
        select(
            _event.c.id,
            name.label("name"),
            _event.c.order_factory_id,
            _event.c.created_at,
            _factory.c.mode,
            cast(null(), BigInteger).label("never"),
        )
        .join_from(_event, _factory, _factory.c.id == _event.c.order_factory_id)
        .subquery("named_events")
    )


def _never(name: str, type: Type) -> Attribute:
    return made_up(name, type, lambda _row: None, meaning="An event has none.")


def no_events() -> Relationship:
    """The events of a resource about which none are recorded; the list is empty."""
    return Relationship("events", "events", near="id", far="never", many=True)


EVENTS = ResourceType(
    "events",
    ids=PublicIds.events,
    table=_named_events(),
    scope=own_mode,
    attributes=(
        text("name", nullable=False, meaning="Such as order_copies.complete."),
        time("created_at", nullable=False),
        time("updated_at", nullable=False, column="created_at"),
        _never("reference", Type.TEXT),
        _never("reference_origin", Type.TEXT),
        made_up("metadata", Type.OBJECT, lambda _row: {}, nullable=False, meaning="Empty."),
    ),
    relationships=(Relationship("order_factory", "order_factories", near="order_factory_id"),),
    meaning="Every change of an order factory's status.",
)
