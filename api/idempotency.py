"""Idempotency: a repeated create with the same key gets the first response again."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, insert, select

from order_factory.api.caller import Caller
from order_factory.api.errors import ApiError, Problem, conflict
from order_factory.api.settings import api_settings
from order_factory.models.tables import IdempotencyRecord
from order_factory.models.tables.base import utc_now
from order_factory.tasks.working_set.statements import table_of

_LONGEST = 255
_record = table_of(IdempotencyRecord)


@dataclass(frozen=True)
class StoredAnswer:
    """The stored answer of a create."""

    status: int
    location: str
    body: bytes


def check_key(key: str | None) -> str | None:
    """The `Idempotency-Key`, if there is one. Raises `ApiError` (400) if it is not valid."""
    if key is not None and not (0 < len(key) <= _LONGEST and key.isascii() and key.isprintable()):
        detail = f"The Idempotency-Key must have 1 to {_LONGEST} ASCII characters."
        problem = Problem(400, "INVALID_HEADER", "Invalid header", detail, header="Idempotency-Key")
        raise ApiError(problem)
    return key


def compute_digest(path: str, query: str, body: bytes) -> str:
    """The digest that identifies a request."""
    return hashlib.sha256(b"\n".join([path.encode(), query.encode(), body])).hexdigest()


def find_answer(db: Connection, caller: Caller, key: str, digest: str) -> StoredAnswer | None:
    """The stored answer for this key. Raises `ApiError` (409) if its request was another one."""
    statement = select(_record).where(_record.c.caller == caller.name, _record.c.key == key)
    row = db.execute(statement).one_or_none()
    if row is None:
        return None
    if row.created_at < utc_now() - timedelta(hours=api_settings().idempotency_hours):
        db.execute(delete(_record).where(_record.c.id == row.id))
        return None
    if row.request_digest != digest:
        message = "The Idempotency-Key belongs to another request."
        raise conflict(message, "IDEMPOTENCY_KEY_REUSED")
    return StoredAnswer(row.status, row.location, row.body.encode())


def _delete_old_answers(db: Connection) -> None:
    """Delete the records that are older than the settings allow."""
    oldest = utc_now() - timedelta(hours=api_settings().idempotency_hours)
    db.execute(delete(_record).where(_record.c.created_at < oldest))


def store_answer(
    db: Connection, caller: Caller, key: str, digest: str, answer: StoredAnswer
) -> None:
    """Store the answer in the transaction of the request, and delete old answers."""
    _delete_old_answers(db)
    db.execute(
        insert(_record).values(
            caller=caller.name,
            key=key,
            request_digest=digest,
            status=answer.status,
            location=answer.location,
            body=answer.body.decode(),
            created_at=utc_now(),
        )
    )
