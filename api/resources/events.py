"""Events: what happened to an order factory."""

from sqlalchemy import ColumnElement, FromClause, exists

from order_factory.api.resources.attributes import made_up, text, time
from order_factory.api.resources.description import Attribute, Relationship, ResourceType, Type
from order_factory.models.tables import Event, OrderFactory
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.working_set.statements import table_of

_factory = table_of(OrderFactory).alias("factory_of_event")


def _scope(row: FromClause, mode: str) -> ColumnElement[bool]:
    return exists().where(_factory.c.id == row.c.order_factory_id, _factory.c.mode == mode)


def _never(name: str, type: Type) -> Attribute:
    return made_up(name, type, lambda _row: None, meaning="An event has none.")


EVENTS = ResourceType(
    "events",
    ids=PublicIds.events,
    table=table_of(Event),
    scope=_scope,
    attributes=(
        text("name", nullable=False, meaning="Such as order_factories.complete."),
        time("created_at", nullable=False),
        time("updated_at", nullable=False, column="created_at"),
        _never("reference", Type.TEXT),
        _never("reference_origin", Type.TEXT),
        _never("metadata", Type.OBJECT),
    ),
    relationships=(Relationship("order_factory", "order_factories", near="order_factory_id"),),
    meaning="Every change of an order factory's status.",
)
