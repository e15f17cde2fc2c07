"""Idempotency records: the answer to a create, for a repeated request."""

from datetime import datetime

from sqlalchemy import Index, SmallInteger, String, func
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Id


class IdempotencyRecord(Base):
    """The answer to one caller's `Idempotency-Key`, written with the created row.

    `request_digest` is computed from the path and the body: it detects another request with the
    same key.
    """

    __tablename__ = "idempotency_records"
    __table_args__ = (
        Index("uq_idempotency_records_caller_key", "caller", "key", unique=True),
        Index("ix_idempotency_records_created_at", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    caller: Mapped[str]
    key: Mapped[str]
    request_digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(SmallInteger)
    location: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
