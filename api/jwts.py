"""Authentication with JSON Web Tokens of a configured issuer."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt

from order_factory.api.caller import Caller
from order_factory.api.settings import ApiSettings, api_settings
from order_factory.api.signing_keys import get_signing_keys, read_key_id
from order_factory.models.values.statuses import Mode

# Private-key algorithms only. With a shared secret, a public key could be used as the secret.
_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "EdDSA"]
_REMOTE = ("https://", "http://")
_SCOPES = {"read", "write"}


def looks_like_jwt(token: str) -> bool:
    return token.count(".") == 2


def find_jwt_caller(token: str) -> Caller | None:
    """Return the caller of a valid token of the configured issuer; None for any other token.

    Its `scope` contains `read` and `write`; `mode` is `test` or `live`, or `test` is a boolean, as
    in the tokens of the reference.
    """
    settings = api_settings()
    if settings.jwt_issuer is None or settings.jwt_keys is None:
        return None
    try:
        claims = jwt.decode(
            token,
            _find_key(token, settings),
            algorithms=_ALGORITHMS,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            options={
                "require": ["exp", "iss"],
                "verify_aud": settings.jwt_audience is not None,
            },
        )
    except (jwt.PyJWTError, ValueError):
        return None
    mode, scopes = _read_mode(claims), frozenset(str(claims.get("scope", "")).split()) & _SCOPES
    if mode is None or not scopes:
        return None
    subject = claims.get("sub") or claims.get("client_id") or "anyone"
    return Caller(f"jwt:{str(subject)[:100]}:{mode}", mode, scopes)


async def prepare_key(authorization: str | None) -> None:
    """Fetch the key of a JWT, if keys are fetched. Raises `ApiError` (503)."""
    keys = api_settings().jwt_keys or ""
    token = (authorization or "").partition(" ")[2].strip()
    if keys.startswith(_REMOTE) and looks_like_jwt(token):
        try:
            key_id = read_key_id(token)
        except jwt.PyJWTError:
            return  # it is refused without a key
        await get_signing_keys(keys).prepare(key_id)


def _find_key(token: str, settings: ApiSettings) -> Any:
    keys = settings.jwt_keys or ""
    if not keys.startswith(_REMOTE):
        return _load_public_key(keys)
    key = get_signing_keys(keys).find(read_key_id(token))
    if key is None:
        raise jwt.InvalidKeyError
    return key


@lru_cache(maxsize=4)
def _load_public_key(path: str) -> str:
    return Path(path).read_text()


def _read_mode(claims: dict[str, Any]) -> Mode | None:
    if claims.get("mode") in list(Mode):
        return Mode(claims["mode"])
    if isinstance(claims.get("test"), bool):
        return Mode.TEST if claims["test"] else Mode.LIVE
    return None
