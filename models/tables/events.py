"""Events: every change of an order factory's status, written in the transaction that made it."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Id


class Event(Base):
    """`order_factories.create`, `.start`, `.complete`, `.fail` or `.abort`; `created_at` is UTC.

    Source: Commerce Layer API reference, event object.
    """

    __tablename__ = "events"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(64))
    order_factory_id: Mapped[int] = mapped_column(ForeignKey("order_factories.id"), index=True)
    created_at: Mapped[datetime]
