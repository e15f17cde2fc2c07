"""Authenticating a request by its bearer token."""

from sqlalchemy import Connection

from order_factory.api.caller import Caller
from order_factory.api.errors import invalid_token, unauthorized
from order_factory.api.jwts import find_jwt_caller, looks_like_jwt
from order_factory.api.tokens import find_token
from order_factory.models.values.statuses import Mode


def authenticate(db: Connection, authorization: str | None) -> Caller:
    """The caller that the `Authorization` header identifies. Raises `ApiError` (401)."""
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise invalid_token(
            "The access token is missing. Send the header Authorization: Bearer TOKEN."
        )
    caller = find_jwt_caller(token) if looks_like_jwt(token) else _find_caller(db, token)
    if caller is None:
        raise invalid_token("The access token is invalid, expired or revoked.")
    return caller


def _find_caller(db: Connection, token: str) -> Caller | None:
    row = find_token(db, token)
    if row is None:
        return None
    scopes = frozenset(row["scopes"].split())
    return Caller(f"token:{row['handle']}", Mode(row["mode"]), scopes, row["rate_limits"])


def require_scope(caller: Caller, *, writes: bool) -> None:
    """Raise `ApiError` (401) if the token does not have this scope."""
    if writes and not caller.may_write:
        raise unauthorized("The access token does not have the scope write.")
    if not writes and not caller.may_read:
        raise unauthorized("The access token does not have the scope read.")
