"""Webhooks, and their deliveries."""

import json
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, exists

from order_factory.api.errors import ApiError
from order_factory.api.resources import writables
from order_factory.api.resources.attributes import (
    common,
    computed,
    integer,
    no_descriptions,
    own_mode,
    text,
    text_never_null,
    time,
)
from order_factory.api.resources.description import (
    WRITTEN_OVER,
    Attribute,
    Broken,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Type,
    Values,
    Writable,
)
from order_factory.models.tables import EventCallback, Webhook
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.webhooks import CircuitState, DeliveryStatus
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.topics import TOPICS
from order_factory.tasks.webhooks.addresses import find_url_problem
from order_factory.tasks.webhooks.settings import webhook_settings
from order_factory.tasks.webhooks.signing import make_secret
from order_factory.tasks.webhooks.subscriptions import (
    close_circuit,
    delete_webhook,
    replace_secret,
    start_from_now,
)
from order_factory.tasks.working_set.statements import table_of

_webhook, _callback = table_of(Webhook), table_of(EventCallback)
_DISABLE, _ENABLE, _RESET, _ROTATE = "_disable", "_enable", "_reset_circuit", "_rotate_secret"
_SHOWN = 4
_MOST_INCLUDES = 30


def _secret() -> Attribute:
    """Return the secret: complete in the answer that creates it, and masked in later ones."""

    def read(row: Row) -> str:
        secret: str = row["shared_secret"]
        before = row.get(WRITTEN_OVER)
        if before is not None and before.get("shared_secret") != secret:
            return secret
        return "****" + secret[-_SHOWN:]

    meaning = "Shown only when it is made; masked later."
    return computed("shared_secret", Type.TEXT, read, nullable=False, meaning=meaning)


def _fill(db: Connection, mode: str, values: Values, known: Row | None) -> None:
    now = utc_now()
    disable, enable = values.pop(_DISABLE, False), values.pop(_ENABLE, False)
    reset, rotate = values.pop(_RESET, False), values.pop(_ROTATE, False)
    if known is None:
        values |= {"mode": mode, "shared_secret": make_secret(), **start_from_now(db)}
    row = {**(known or {}), **values}
    _check_includes(row["topic"], row.get("include_resources"))
    is_new_topic = known is not None and row["topic"] != known["topic"]
    is_new_url = known is not None and row["callback_url"] != known["callback_url"]
    if disable:
        values["disabled_at"] = row.get("disabled_at") or now
    if enable:
        values["disabled_at"] = None
    if is_new_topic or (enable and row.get("disabled_at") is not None):
        values |= start_from_now(db)
    if reset or is_new_url:
        values |= close_circuit()
    if rotate and known is not None:
        values |= replace_secret(known["shared_secret"], now)


def _check_includes(topic: str, includes: list[str] | None) -> None:
    """Raise `Broken` unless the includes are relationships of the topic's resource."""
    # Imported here, because these modules import all resources.
    from order_factory.api.query.parameters import parse_query
    from order_factory.api.resources.registry import RESOURCES

    if not includes:
        return
    resource = RESOURCES.get(topic.partition(".")[0])
    if resource is None:
        raise Broken("must be empty for this topic", "include_resources")
    try:
        parse_query(resource, [("include", ",".join(includes))], listing=False)
    except ApiError as error:
        raise Broken(f"is invalid: {error.problems[0].detail}", "include_resources") from error


def _delete(db: Connection, row: Row) -> None:
    delete_webhook(db, row["id"])


def _callback_url(value: Any) -> str:
    if not isinstance(value, str):
        raise Broken("must be a text")
    problem = find_url_problem(value, allow_private=webhook_settings().allow_private_addresses)
    if problem is not None:
        raise Broken(problem)
    return value


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Broken("must be a list of texts")
    if len(value) > _MOST_INCLUDES or any("," in each for each in value):
        raise Broken(f"must be at most {_MOST_INCLUDES} names of relationships")
    return value


def _topic(value: Any) -> str:
    if value not in TOPICS:
        raise Broken("must be a topic such as order_copies.complete; the page Events lists them")
    return str(value)


_flag = partial(writables.flag, nullable=False)

WEBHOOKS = ResourceType(
    "webhooks",
    ids=PublicIds.webhooks,
    table=_webhook,
    scope=own_mode,
    attributes=(
        text("name"),
        text("topic", nullable=False, meaning="RESOURCE.EVENT; see [Events](events.md)."),
        text("callback_url", nullable=False),
        Attribute(
            "include_resources",
            Type.TEXTS,
            lambda row: row["include_resources"],
            meaning="The relationships that the payload includes.",
        ),
        time("disabled_at"),
        text("circuit_state", nullable=False, one_of=tuple(CircuitState)),
        integer("circuit_failure_count", nullable=False, meaning="Failures in a row."),
        _secret(),
        *common(),
    ),
    relationships=(
        Relationship(
            "last_event_callbacks",
            "event_callbacks",
            near="id",
            far="webhook_id",
            many=True,
            meaning="The delivery log.",
        ),
    ),
    writables=(
        writables.text("name"),
        Writable("topic", Type.TEXT, _topic, required=True, nullable=False),
        Writable("callback_url", Type.TEXT, _callback_url, required=True, nullable=False),
        Writable("include_resources", Type.TEXTS, _names),
        _flag(_DISABLE, meaning="Send nothing any more."),
        _flag(_ENABLE, meaning="Send the events from now on."),
        _flag(_RESET, create=False, meaning="Close the circuit: send pending deliveries now."),
        _flag(
            _ROTATE,
            create=False,
            meaning="Ours: make a new secret. The old one counts for a day.",
        ),
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    deletable=True,
    hooks=Hooks(fill=_fill, delete=_delete),
    meaning="Who is notified of which events.",
)


def _is_visible(row: FromClause, mode: str) -> ColumnElement[bool]:
    return exists().where(_webhook.c.id == row.c.webhook_id, _webhook.c.mode == mode)


def _payload(row: Row) -> Any:
    return None if row["payload"] is None else json.loads(row["payload"])


EVENT_CALLBACKS = ResourceType(
    "event_callbacks",
    ids=PublicIds.event_callbacks,
    table=_callback,
    scope=_is_visible,
    attributes=(
        text_never_null("callback_url"),
        computed("payload", Type.OBJECT, _payload, meaning="The body that was sent."),
        text("response_code"),
        text("response_message"),
        text("status", nullable=False, one_of=tuple(DeliveryStatus), meaning="Ours."),
        integer("tries", nullable=False, meaning="Ours: how often it was sent."),
        time("next_try_at"),
        time("sent_at"),
        time("created_at", nullable=False),
        time("updated_at", nullable=False),
        *no_descriptions("A delivery has none."),
    ),
    relationships=(
        Relationship("webhook", "webhooks", near="webhook_id"),
        Relationship("event", "events", near="event_id", meaning="Ours."),
    ),
    meaning="Deliveries: what was sent to a webhook, and what was answered.",
)
