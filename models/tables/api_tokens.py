"""API tokens: the access of clients to the HTTP API, each for one mode."""

from datetime import datetime

from sqlalchemy import Index, String, func
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Id, Moded


class ApiToken(Moded, Base):
    """One bearer token. Only the SHA-256 digest of its secret is stored, in hexadecimal.

    `handle` is the public part of the token: it finds the row and names the token in lists and
    logs. `scopes` is `read`, or `read write`. `rate_limits` (`50/10 600/300`: requests per seconds)
    replaces the limits of the service.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (
        Index("uq_api_tokens_handle", "handle", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    handle: Mapped[str] = mapped_column(String(16))
    secret_digest: Mapped[str] = mapped_column(String(64))
    name: Mapped[str | None]
    scopes: Mapped[str] = mapped_column(String(16))
    rate_limits: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
