"""Admitting requests: the token, its rate limits, and a limit for wrong tokens."""

import hashlib
import ipaddress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from time import monotonic

from sqlalchemy import Connection

from order_factory.api.authentication import authenticate
from order_factory.api.caller import Caller
from order_factory.api.errors import ApiError
from order_factory.api.rate_limits import RateLimiter
from order_factory.api.settings import api_settings

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Credentials:
    """The `Authorization` header of a request, the address that sent it, and when it arrived."""

    authorization: str | None
    address: str
    arrived_at: float = field(default_factory=monotonic)

    @cached_property
    def share(self) -> str:
        """The name under which it shares the threads, known before the token is looked up."""
        return hashlib.sha256((self.authorization or self.address).encode()).hexdigest()

    @property
    def source(self) -> str:
        """The name under which wrong tokens are counted."""
        return f"from {_get_network(self.address)}"


@dataclass(frozen=True)
class _LookUp:
    """The caller that a token belongs to, and when the look-up in the database began."""

    began_at: float
    caller: Caller


class Admission:
    """Decides which requests are admitted.

    An address that sends many wrong tokens must wait before it tries others. Tokens that were right
    recently are still looked up, so a shop is not locked out by others at its address. One look-up
    serves all requests with the token that arrived before the look-up began. So a request that
    arrives after its token was revoked is refused.
    """

    def __init__(self, counters: Path | None = None) -> None:
        """`counters` is the file in which several processes count requests."""
        self._limiter = RateLimiter(counters)
        self._known: dict[str, _LookUp] = {}
        self._lock = Lock()

    def admit(self, db: Connection, credentials: Credentials) -> tuple[Caller, dict[str, str]]:
        """Return the caller, and the headers with the remaining limits.

        Raises `ApiError`: 401 for an invalid token, 429 if a limit is reached.
        """
        known = self._known.get(credentials.share)
        if known is not None and known.began_at > credentials.arrived_at:
            caller = known.caller
        else:
            caller = self._look_up(db, credentials, known is not None)
        limits = caller.rate_limits
        if limits is None:
            limits = api_settings().rate_limits
        return caller, self._limiter.admit(caller.name, limits)

    def _look_up(self, db: Connection, credentials: Credentials, was_right: bool) -> Caller:
        limits = api_settings().wrong_token_limits
        if not was_right:
            self._limiter.check(credentials.source, limits)
        began_at = monotonic()
        try:
            caller = authenticate(db, credentials.authorization)
        except ApiError as error:
            if error.status == 401 and credentials.authorization:
                self._limiter.count(credentials.source, limits)
            raise
        self._remember(credentials.share, _LookUp(began_at, caller))
        return caller

    def _remember(self, share: str, look_up: _LookUp) -> None:
        with self._lock:
            self._known.pop(share, None)
            self._known[share] = look_up
            if len(self._known) > _MOST_REMEMBERED:
                del self._known[next(iter(self._known))]


def _get_network(address: str) -> str:
    """The address, or the network of an IPv6 address, since a client owns the whole network."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False))
