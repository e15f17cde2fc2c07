"""Admitting requests: the token, its rate limits, and a limit for wrong tokens."""

import hashlib
import ipaddress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection

from order_factory.api.authentication import authenticate
from order_factory.api.caller import Caller
from order_factory.api.errors import ApiError
from order_factory.api.rate_limits import RateLimiter
from order_factory.api.settings import api_settings

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Credentials:
    """The `Authorization` header of a request, and the address that sent it."""

    authorization: str | None
    address: str

    @cached_property
    def share(self) -> str:
        """The name under which it shares the threads, known before the token is looked up."""
        return hashlib.sha256((self.authorization or self.address).encode()).hexdigest()

    @property
    def source(self) -> str:
        """The name under which wrong tokens are counted."""
        return f"from {_get_network(self.address)}"


class Admission:
    """Decides which requests are admitted.

    An address that sends many wrong tokens must wait before it tries others. Tokens that were right
    recently are still looked up, so a shop is not locked out by others at its address.
    """

    def __init__(self, counters: Path | None = None) -> None:
        """`counters` is the file in which several processes count requests."""
        self._limiter = RateLimiter(counters)
        self._known: dict[str, None] = {}
        self._lock = Lock()

    def admit(self, db: Connection, credentials: Credentials) -> tuple[Caller, dict[str, str]]:
        """Return the caller, and the headers with the remaining limits.

        Raises `ApiError`: 401 for an invalid token, 429 if a limit is reached.
        """
        settings, share = api_settings(), credentials.share
        if share not in self._known:
            self._limiter.check(credentials.source, settings.wrong_token_limits)
        try:
            caller = authenticate(db, credentials.authorization)
        except ApiError as error:
            if error.status == 401 and credentials.authorization:
                self._limiter.count(credentials.source, settings.wrong_token_limits)
            raise
        self._remember(share)
        limits = settings.rate_limits if caller.rate_limits is None else caller.rate_limits
        return caller, self._limiter.admit(caller.name, limits)

    def _remember(self, share: str) -> None:
        with self._lock:
            self._known.pop(share, None)
            self._known[share] = None
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
