"""The topics of webhooks: `RESOURCE.EVENT`, each with its meaning."""

from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import FactoryType

FACTORIES = "order_factories"


def _topics_of(name: EventName) -> list[str]:
    """An event of a copy has three topics: of all copies, and of each of the two kinds."""
    if name.resource != FACTORIES:
        return [name.value]
    kinds = (FACTORIES, *FactoryType)
    return [name.replace(FACTORIES, kind) for kind in kinds]


TOPICS = {
    topic: name.meaning
    for name in EventName
    if name is not EventName.MORE
    for topic in _topics_of(name)
}


def stored_names(topic: str) -> tuple[str, ...]:
    """The names under which the events of a topic are stored.

    An event of a copy is stored as `order_factories.EVENT`. When the copy's record is deleted, the
    event keeps the name of its kind.
    """
    resource, _, event = topic.partition(".")
    if resource == FACTORIES:
        return (topic, *(f"{kind}.{event}" for kind in FactoryType))
    if resource in tuple(FactoryType):
        return (topic, f"{FACTORIES}.{event}")
    return (topic,)


def factory_type(topic: str) -> FactoryType | None:
    """The kind of copy that a topic is about, if it is about one."""
    resource = topic.partition(".")[0]
    return FactoryType(resource) if resource in tuple(FactoryType) else None
