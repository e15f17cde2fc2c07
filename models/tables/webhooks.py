"""Webhooks: subscriptions to events, and their deliveries."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Described, Id, JsonList, Moded, partial_index


class CircuitState(StrEnum):
    """`open`: after many failures in a row, only trials are sent, with pauses."""

    CLOSED = "closed"
    OPEN = "open"


class DeliveryStatus(StrEnum):
    """`failed`: the last try failed too."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(Described, Moded, Base):
    """A subscription to one topic: its events are sent to `callback_url`.

    `shared_secret` signs deliveries. After a rotation, `previous_secret` is valid too, until
    `previous_secret_until`. While the circuit is open, one delivery is sent as a trial at
    `circuit_retry_at`. `circuit_trials` counts the failed trials.

    Each event of the topic with a key above `since_event_id`, and up to `until_event_id`, has its
    `EventCallback`. The dispatcher increases `until_event_id`.

    Source: Commerce Layer API reference, webhook object.
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index("ix_webhooks_topic", "topic"), {"sqlite_autoincrement": True})

    id: Mapped[Id]
    name: Mapped[str | None]
    topic: Mapped[str] = mapped_column(String(64))
    callback_url: Mapped[str]
    include_resources: Mapped[list[str] | None] = mapped_column(JsonList)
    shared_secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_secret_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    circuit_state: Mapped[CircuitState] = mapped_column(
        String(8), server_default=CircuitState.CLOSED
    )
    circuit_failure_count: Mapped[int] = mapped_column(server_default=text("0"))
    circuit_retry_at: Mapped[datetime | None]
    circuit_trials: Mapped[int] = mapped_column(server_default=text("0"))
    since_event_id: Mapped[int] = mapped_column(server_default=text("0"))
    until_event_id: Mapped[int] = mapped_column(server_default=text("0"))


class EventCallback(Base):
    """One delivery of an event to a webhook, and the receiver's last answer.

    `resend` is 0 at first, and then counts the times that the event was sent again. `resource` and
    `resource_id` identify the row of the event. Deliveries about the same row to the same URL are
    sent in the order of their events. `payload` is the body of the first try.
    `next_try_at` is null before the first try.

    Source: Commerce Layer API reference, event callback object; all but `callback_url`, `payload`
    and the answer is our own.
    """

    __tablename__ = "event_callbacks"
    __table_args__ = (
        Index(
            "uq_event_callbacks_event_id_webhook_id_resend",
            "event_id",
            "webhook_id",
            "resend",
            unique=True,
        ),
        Index("ix_event_callbacks_webhook_id", "webhook_id", "id"),
        partial_index(
            "ix_event_callbacks_pending",
            "webhook_id",
            "event_id",
            where="status = 'pending'",
        ),
        partial_index(
            "ix_event_callbacks_pending_resource",
            "resource_id",
            "event_id",
            where="status = 'pending'",
        ),
        Index("ix_event_callbacks_ended_at", "ended_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id"))
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    resend: Mapped[int] = mapped_column(SmallInteger(), server_default=text("0"))
    resource: Mapped[str] = mapped_column(String(32))
    resource_id: Mapped[int]
    status: Mapped[DeliveryStatus] = mapped_column(
        String(16), server_default=DeliveryStatus.PENDING
    )
    tries: Mapped[int] = mapped_column(SmallInteger(), server_default=text("0"))
    next_try_at: Mapped[datetime | None]
    callback_url: Mapped[str | None]
    payload: Mapped[str | None] = mapped_column(Text())
    response_code: Mapped[str | None] = mapped_column(String(8))
    response_message: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
