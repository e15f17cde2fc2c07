"""API tokens: shown once when created, found by their handle, compared by their digest."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from order_factory.models.database.quick_statements import QuickSelect
from order_factory.models.errors import ApiTokenNotFound
from order_factory.models.tables import ApiToken
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.working_set.statements import table_of

PREFIX = "oft"
_HANDLE_BYTES = 6
_SECRET_BYTES = 32
_LONGEST = 200
_token = table_of(ApiToken)
_FIND = QuickSelect(select(_token).where(_token.c.handle == bindparam("wanted")))


@dataclass(frozen=True)
class NewToken:
    """A new token: its handle, and the whole token, which is not stored."""

    handle: str
    token: str


def create_token(
    db: Connection,
    *,
    mode: Mode,
    scopes: Iterable[str],
    name: str | None = None,
    expires_at: datetime | None = None,
    rate_limits: str | None = None,
) -> NewToken:
    """Create a token for a mode and the scopes `read` and `write`."""
    handle, secret = secrets.token_hex(_HANDLE_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    db.execute(
        insert(_token).values(
            handle=handle,
            secret_digest=_compute_digest(secret),
            name=name,
            mode=mode,
            scopes=" ".join(sorted(set(scopes))),
            rate_limits=rate_limits,
            expires_at=expires_at,
            created_at=utc_now(),
        )
    )
    return NewToken(handle, f"{PREFIX}_{handle}_{secret}")


def find_token(db: Connection, token: str) -> dict[str, Any] | None:
    """Return the row of a token that is known and neither revoked nor expired."""
    if len(token) > _LONGEST or not token.isascii():
        return None
    prefix, _, remainder = token.partition("_")
    handle, _, secret = remainder.partition("_")
    row = next(iter(_FIND.rows(db, {"wanted": handle})), None)
    # An unknown handle is compared too: then both answers take equally long.
    is_same = hmac.compare_digest(
        _compute_digest(secret), row["secret_digest"] if row else _compute_digest("")
    )
    if row is None or prefix != PREFIX or not is_same or row["revoked_at"] is not None:
        return None
    return None if row["expires_at"] is not None and row["expires_at"] <= utc_now() else row


def extract_handle(text: str) -> str:
    """The handle of a whole token. Any other text is returned unchanged."""
    parts = text.split("_")
    return parts[1] if len(parts) > 2 and parts[0] == PREFIX else text


def list_tokens(db: Connection) -> list[Row[Any]]:
    """All tokens, the newest first, without their digests."""
    shown = [column for column in _token.c if column is not _token.c.secret_digest]
    return list(db.execute(select(*shown).order_by(_token.c.id.desc())))


def revoke_token(db: Connection, handle: str) -> None:
    """Revoke the token with this handle. Raises `ApiTokenNotFound`."""
    statement = update(_token).where(_token.c.handle == handle)
    if not db.execute(statement.values(revoked_at=utc_now())).rowcount:
        raise ApiTokenNotFound(handle)


def _compute_digest(secret: str) -> str:
    # The secret is 256 random bits. Nobody can guess it, so it needs no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()
