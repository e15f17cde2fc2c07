"""Webhooks: each event of a subscribed topic has its delivery."""

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, not_, select, union_all

from order_factory.models.tables import Event, EventCallback, OrderFactory, Webhook
from order_factory.models.tables.webhooks import CircuitState, DeliveryStatus
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.topics import FACTORIES
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.working_set.statements import table_of

_event, _factory = table_of(Event), table_of(OrderFactory)
_webhook, _callback = table_of(Webhook), table_of(EventCallback)


def _find_without_delivery() -> Select[Any]:
    """Select the events that the outbox has read and for which a webhook has no delivery."""
    topic_of_type = func.replace(_event.c.name, FACTORIES, _factory.c.type)
    of_factory = _event.join(_factory, _factory.c.id == _event.c.order_factory_id)
    with_topic = _event.join(_webhook, _webhook.c.topic == _event.c.name)
    with_mode = with_topic.outerjoin(_factory, _factory.c.id == _event.c.order_factory_id)
    mode = func.coalesce(_event.c.mode, _factory.c.mode)
    events = union_all(
        _find_undelivered(with_mode, _webhook.c.mode == mode),
        _find_undelivered(
            of_factory.join(_webhook, _webhook.c.topic == topic_of_type),
            _webhook.c.mode == _factory.c.mode,
            _webhook.c.topic != _event.c.name,
        ),
    ).subquery("found")
    return select(events.c.id)


def _find_undelivered(rows: Any, *where: ColumnElement[bool]) -> Select[Any]:
    delivered = exists().where(
        _callback.c.event_id == _event.c.id, _callback.c.webhook_id == _webhook.c.id
    )
    return (
        select(_event.c.id)
        .select_from(rows)
        .where(
            *where,
            _event.c.id > _webhook.c.since_event_id,
            _event.c.id <= _webhook.c.until_event_id,
            not_(delivered),
        )
    )


_is_pending = _callback.c.status == DeliveryStatus.PENDING
_is_closed = _webhook.c.circuit_state == CircuitState.CLOSED

INVARIANTS = (
    Invariant(
        "event-delivered",
        "Every event has a delivery for each webhook that was subscribed to its topic.",
        Resource.events,
        _find_without_delivery(),
    ),
    Invariant(
        "delivery-ended",
        "A delivery that is not pending has the time of its end, and a pending one has none.",
        Resource.event_callbacks,
        select(_callback.c.id).where(_is_pending == _callback.c.ended_at.is_not(None)),
    ),
    Invariant(
        "circuit-tried-again",
        "An open circuit has the time of its next trial, and a closed one has none.",
        Resource.webhooks,
        select(_webhook.c.id).where(_is_closed == _webhook.c.circuit_retry_at.is_not(None)),
    ),
)
