"""Record the answers of receivers, many in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from order_factory.models.tables import EventCallback, Webhook
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.webhooks import DeliveryStatus
from order_factory.tasks.webhooks.circuit import Circuit, schedule_next_try, update_circuit
from order_factory.tasks.webhooks.due import Delivery
from order_factory.tasks.webhooks.sending import Answer
from order_factory.tasks.webhooks.settings import WebhookSettings
from order_factory.tasks.working_set.statements import table_of

_webhook, _callback = table_of(Webhook), table_of(EventCallback)
_NAMES = (
    "status",
    "tries",
    "next_try_at",
    "callback_url",
    "payload",
    "response_code",
    "response_message",
    "sent_at",
    "ended_at",
    "updated_at",
)
_UPDATE = (
    update(_callback)
    .where(_callback.c.id == bindparam("key"))
    .values({name: bindparam(f"new_{name}") for name in _NAMES})
)


@dataclass(frozen=True)
class AnsweredDelivery:
    """A delivery that was sent, and its answer."""

    delivery: Delivery
    answer: Answer
    sent_at: datetime


def record_answers(
    db: Connection, answered: Sequence[AnsweredDelivery], settings: WebhookSettings
) -> None:
    """Record the answers of the receivers, and open or close their circuits.

    A failed trial of an open circuit tests the receiver. It is not a try of its delivery.
    """
    now = utc_now()
    keys = sorted({each.delivery.webhook_id for each in answered})
    webhooks = select(_webhook).where(_webhook.c.id.in_(keys)).order_by(_webhook.c.id)
    circuits = {
        row.id: Circuit(
            row.circuit_state, row.circuit_failure_count, row.circuit_retry_at, row.circuit_trials
        )
        for row in db.execute(webhooks.with_for_update())
    }
    before = dict(circuits)
    rows = []
    for each in answered:
        circuit = circuits.get(each.delivery.webhook_id)
        if circuit is None:
            continue  # the webhook was deleted
        circuits[each.delivery.webhook_id] = update_circuit(
            circuit, settings, now, succeeded=each.answer.succeeded
        )
        rows.append(_make_row(each, settings, now))
    if rows:
        db.execute(_UPDATE, rows)
    for key, circuit in circuits.items():
        if circuit != before[key]:
            db.execute(
                update(_webhook)
                .where(_webhook.c.id == key)
                .values(
                    circuit_state=circuit.state,
                    circuit_failure_count=circuit.failure_count,
                    circuit_retry_at=circuit.retry_at,
                    circuit_trials=circuit.trials,
                )
            )


def _make_row(each: AnsweredDelivery, settings: WebhookSettings, now: datetime) -> dict[str, Any]:
    delivery, answer = each.delivery, each.answer
    tries = delivery.tries + (0 if delivery.circuit.is_open and not answer.succeeded else 1)
    next_try_at = None if answer.succeeded else schedule_next_try(max(tries, 1), settings, now)
    if answer.succeeded:
        status = DeliveryStatus.DELIVERED
    else:
        status = DeliveryStatus.FAILED if next_try_at is None else DeliveryStatus.PENDING
    values = {
        "status": status,
        "tries": tries,
        "next_try_at": next_try_at,
        "callback_url": delivery.url,
        "payload": None if delivery.body is None else delivery.body.decode(),
        "response_code": None if answer.code is None else str(answer.code),
        "response_message": answer.message,
        "sent_at": each.sent_at,
        "ended_at": None if status == DeliveryStatus.PENDING else now,
        "updated_at": now,
    }
    return {"key": delivery.id} | {f"new_{name}": values[name] for name in _NAMES}
