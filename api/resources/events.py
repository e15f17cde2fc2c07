"""Events: the changes of a row of a resource, named after the resource."""

from functools import partial

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    String,
    cast,
    func,
    literal,
    null,
    select,
)

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import no_descriptions, own_mode, text, time
from order_factory.api.resources.description import (
    Broken,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Through,
    Values,
)
from order_factory.models.tables import Event, EventCallback, OrderFactory
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.webhooks.subscriptions import send_again
from order_factory.tasks.working_set.statements import table_of

_event, _factory = table_of(Event), table_of(OrderFactory)
_STORED = "order_factories"
_TRIGGER = "_trigger"


def _select_named_events() -> FromClause:
    """Select the events with the reference's names: `order_copies.complete` for an order copy."""
    of_factory = func.replace(_event.c.name, literal(_STORED), _factory.c.type, type_=String)
    return (
        select(
            _event.c.id,
            func.coalesce(of_factory, _event.c.name, type_=String).label("name"),
            _event.c.order_factory_id,
            _event.c.subject_id,
            _event.c.created_at,
            func.coalesce(_event.c.mode, _factory.c.mode).label("mode"),
            cast(null(), BigInteger).label("never"),
        )
        .select_from(_event.outerjoin(_factory, _factory.c.id == _event.c.order_factory_id))
        .subquery("named_events")
    )


def _is_about(row: FromClause, *, resource: str) -> ColumnElement[bool]:
    name: ColumnElement[str] = row.c.name
    return name.startswith(f"{resource}.")


def events_of(resource: str) -> Relationship:
    """Return the relationship to the events of a resource that is not a copy."""
    only = partial(_is_about, resource=resource)
    return Relationship("events", "events", near="id", far="subject_id", many=True, only=only)


def no_events() -> Relationship:
    """Return the relationship of a resource without events, which is always empty."""
    return Relationship("events", "events", near="id", far="never", many=True)


def _fill(db: Connection, _mode: str, values: Values, known: Row | None) -> None:
    assert known is not None
    if values.pop(_TRIGGER, False) and not send_again(db, known["id"]):
        raise Broken("has no effect: no webhook is subscribed to this event", _TRIGGER)


EVENTS = ResourceType(
    "events",
    ids=PublicIds.events,
    table=_select_named_events(),
    scope=own_mode,
    attributes=(
        text("name", nullable=False, meaning="Such as order_copies.complete."),
        time("created_at", nullable=False),
        time("updated_at", nullable=False, column="created_at"),
        *no_descriptions("An event has none."),
    ),
    relationships=(
        Relationship("order_factory", "order_factories", near="order_factory_id"),
        Relationship(
            "webhooks",
            "webhooks",
            near="id",
            far="id",
            many=True,
            through=Through(table_of(EventCallback), near="event_id", far="webhook_id"),
            meaning="To whom it was delivered, or will be.",
        ),
        Relationship(
            "last_event_callbacks",
            "event_callbacks",
            near="id",
            far="event_id",
            many=True,
            meaning="Its deliveries.",
        ),
    ),
    writables=(
        writables.flag(
            _TRIGGER, create=False, meaning="Deliver it again to the webhooks subscribed to it."
        ),
    ),
    updatable=True,
    hooks=Hooks(fill=_fill),
    meaning="Every change of a status.",
)
