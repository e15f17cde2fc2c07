"""The topics of webhooks: `RESOURCE.EVENT`, each with its meaning."""

from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import FactoryType

FACTORIES = "order_factories"


def _list_topics(name: EventName) -> list[str]:
    """Return the topics of an event. Copies have one for all copies, and one for each kind."""
    if name.resource != FACTORIES:
        return [name.value]
    # Only a copy of a subscription is tried again and can wait.
    waits = name is EventName.WAIT
    kinds = (FACTORIES, *([FactoryType.RECURRING_ORDER_COPIES] if waits else FactoryType))
    return [name.replace(FACTORIES, kind) for kind in kinds]


TOPICS = {
    topic: name.meaning
    for name in EventName
    if name is not EventName.MORE
    for topic in _list_topics(name)
}


def list_stored_names(topic: str) -> tuple[str, ...]:
    """Return the names under which the events of a topic are stored.

    An event of a copy is stored as `order_factories.EVENT`. If the record of the copy is deleted,
    the event has the name of its kind.
    """
    resource, _, event = topic.partition(".")
    if resource == FACTORIES:
        return (topic, *(f"{kind}.{event}" for kind in FactoryType))
    if resource in tuple(FactoryType):
        return (topic, f"{FACTORIES}.{event}")
    return (topic,)


def find_factory_type(topic: str) -> FactoryType | None:
    """Return the kind of copy of a topic, or None if the topic has no such kind."""
    resource = topic.partition(".")[0]
    return FactoryType(resource) if resource in tuple(FactoryType) else None
