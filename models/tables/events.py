"""Events: every change of a status, written in the transaction that made it."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Id, Json, partial_index
from order_factory.models.values.statuses import Mode


class Event(Base):
    """One event of a row. `name` is an `EventName`, and `created_at` is UTC.

    An event of a copy has its `order_factory_id`. Any other event has the key of its row as
    `subject_id`, and the `mode` of the row. An event of a deleted copy has these too. `snapshot`
    has the last values of a deleted row.

    Source: Commerce Layer API reference, event object.
    """

    __tablename__ = "events"
    __table_args__ = (
        partial_index(
            "ix_events_subject_id",
            "subject_id",
            where="subject_id IS NOT NULL",
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(64))
    order_factory_id: Mapped[int | None] = mapped_column(
        ForeignKey("order_factories.id"), index=True
    )
    created_at: Mapped[datetime]
    subject_id: Mapped[int | None]
    mode: Mapped[Mode | None] = mapped_column(String(4))
    snapshot: Mapped[Json | None]
