"""Managing webhooks from Python and the command line, with the checks of the API."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from order_factory.api.documents import Document
from order_factory.api.errors import ApiError
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.resources.webhooks import WEBHOOKS
from order_factory.api.storing import create_row, update_row
from order_factory.api.webhook_documents import render_documents
from order_factory.models.database.engine import reading
from order_factory.models.database.identity import explain_cut_off
from order_factory.models.errors import InvalidRequest, WebhookNotFound
from order_factory.models.tables import EventCallback, Webhook
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.webhooks import DeliveryStatus
from order_factory.models.values.public_ids import Resource, parse_public_id, public_id
from order_factory.models.values.statuses import Mode
from order_factory.tasks.webhooks import subscriptions
from order_factory.tasks.webhooks.sending import Answer, open_connection, send_delivery
from order_factory.tasks.webhooks.settings import webhook_settings
from order_factory.tasks.webhooks.signing import sign_headers
from order_factory.tasks.working_set.statements import table_of

_webhook, _callback = table_of(Webhook), table_of(EventCallback)


@dataclass(frozen=True)
class NewSecret:
    """A webhook and its new secret, which is shown only once."""

    id: str
    shared_secret: str


def create_webhook(
    db: Connection,
    topic: str,
    callback_url: str,
    *,
    mode: Mode = Mode.LIVE,
    include_resources: Sequence[str] = (),
    name: str | None = None,
) -> NewSecret:
    """Create a webhook for the events from now on. Raises `InvalidRequest`."""
    attributes = {
        "topic": topic,
        "callback_url": callback_url,
        "include_resources": list(include_resources) or None,
        "name": name,
    }
    try:
        key = create_row(db, WEBHOOKS, Document(attributes, {}), mode)["id"]
    except ApiError as error:
        raise _convert_error(error) from error
    return _present_secret(db, key)


def list_webhooks(db: Connection) -> list[dict[str, Any]]:
    """Return all webhooks, newest first, without secrets, with the number of pending deliveries."""
    pending = (
        select(func.count())
        .where(
            _callback.c.webhook_id == _webhook.c.id, _callback.c.status == DeliveryStatus.PENDING
        )
        .scalar_subquery()
    )
    names = (
        "name",
        "topic",
        "callback_url",
        "mode",
        "circuit_state",
        "circuit_failure_count",
        "disabled_at",
    )
    shown = [_webhook.c[each] for each in names]
    rows = db.execute(
        select(_webhook.c.id, *shown, pending.label("pending")).order_by(_webhook.c.id.desc())
    )
    return [
        {"id": public_id(Resource.webhooks, row.id)}
        | {each: row._mapping[each] for each in (*names, "pending")}
        for row in rows
    ]


def reset_circuit(db: Connection, name: str) -> None:
    """Close the circuit of a webhook. Raises `WebhookNotFound`."""
    _change_webhook(db, name, _reset_circuit=True)


def rotate_secret(db: Connection, name: str) -> NewSecret:
    """Give a webhook a new secret; the old one stays valid for some hours."""
    return _present_secret(db, _change_webhook(db, name, _rotate_secret=True))


def delete_webhook(db: Connection, name: str) -> None:
    """Delete a webhook and its delivery log. Raises `WebhookNotFound`."""
    subscriptions.delete_webhook(db, require_webhook(db, name).id)


def require_webhook(db: Connection, name: str) -> Row[Any]:
    """Return the row of the webhook with this id. Raises `WebhookNotFound`."""
    key = parse_public_id(Resource.webhooks, name)
    row = db.execute(select(_webhook).where(_webhook.c.id == key)).one_or_none()
    if row is None:
        raise WebhookNotFound(name)
    return row


def send_test(name: str) -> Answer:
    """Send the newest row of the topic's resource to the webhook, and return the answer.

    Nothing is recorded, and the id begins with `test`. Raises `WebhookNotFound`, `NotTheShop` for
    a copy of the shop's database, and `InvalidRequest` if the payload cannot be made.
    """
    with reading() as db:
        cut_off = explain_cut_off(db)
        if cut_off is not None:
            raise cut_off
        row = require_webhook(db, name)
        body = _find_example(db, row)
    return asyncio.run(_send(row, body))


async def _send(row: Row[Any], body: bytes) -> Answer:
    headers = sign_headers(
        [row.shared_secret],
        topic=row.topic,
        message_id=f"test_{secrets.token_hex(8)}",
        now=utc_now(),
        body=body,
    )
    settings = webhook_settings()
    async with open_connection(settings) as connection:
        return await send_delivery(
            connection, row.callback_url, headers, body, settings.answer_seconds
        )


def _find_example(db: Connection, webhook: Row[Any]) -> bytes:
    name = webhook.topic.partition(".")[0]
    resource = RESOURCES.get(name)
    key = 0
    if resource is not None:
        table = resource.table
        visible = select(func.max(table.c.id)).where(resource.scope(table, webhook.mode))
        key = db.scalar(visible) or 0
    try:
        return render_documents(db, name, webhook.mode, webhook.include_resources or (), [key])[key]
    except ValueError as error:
        raise InvalidRequest(str(error)) from error


def _change_webhook(db: Connection, name: str, **attributes: Any) -> int:
    row = require_webhook(db, name)
    try:
        update_row(db, WEBHOOKS, dict(row._mapping), Document(attributes, {}), row.mode)
    except ApiError as error:
        raise _convert_error(error) from error
    return int(row.id)


def _present_secret(db: Connection, key: int) -> NewSecret:
    secret = db.execute(select(_webhook.c.shared_secret).where(_webhook.c.id == key)).scalar_one()
    return NewSecret(public_id(Resource.webhooks, key), secret)


def _convert_error(error: ApiError) -> InvalidRequest:
    return InvalidRequest("; ".join(each.detail for each in error.problems))
