"""The public keys of the issuer of JWTs, fetched in the background.

A request waits briefly for a running fetch, without using a thread. An unknown key causes one fetch
in ten seconds, for any number of requests.
"""

import asyncio
import logging
from concurrent.futures import Future
from functools import lru_cache
from threading import Lock, Thread
from time import monotonic
from typing import Any

import jwt
from jwt import PyJWKClient, PyJWKSet

from order_factory.api.errors import unavailable
from order_factory.api.logs import describe_failure

_log = logging.getLogger("order_factory.api")
_FETCH_SECONDS = 5
_FRESH_SECONDS = 300
_BETWEEN_FETCHES = 10
_LONGEST_WAIT = 2


class SigningKeys:
    """The keys at one URL, by their id."""

    def __init__(self, url: str) -> None:
        self._client = PyJWKClient(url, cache_jwk_set=False, timeout=_FETCH_SECONDS)
        self._keys: dict[str | None, Any] = {}
        self._lock = Lock()
        self._fetch: Future[None] | None = None
        self._next_fetch = self._stale_at = 0.0

    async def prepare(self, key_id: str | None) -> None:
        """Wait briefly if the key is not known yet. Raises `ApiError` (503) if it still is not."""
        if key_id in self._keys:
            if monotonic() > self._stale_at:
                self._start_fetch()
            return
        fetch = self._start_fetch()
        if fetch is not None:
            try:
                await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(fetch)), _LONGEST_WAIT)
            except TimeoutError:
                raise unavailable() from None
        elif not self._keys:
            raise unavailable(_BETWEEN_FETCHES)

    def find(self, key_id: str | None) -> Any | None:
        """The key with this id, if it was among those that were fetched."""
        return self._keys.get(key_id)

    def _start_fetch(self) -> "Future[None] | None":
        """The running fetch, or a new one unless the last was recent."""
        with self._lock:
            if self._fetch is not None and not self._fetch.done():
                return self._fetch
            if monotonic() < self._next_fetch:
                return None
            self._next_fetch = monotonic() + _BETWEEN_FETCHES
            self._fetch = Future()
        Thread(target=self._run, args=(self._fetch,), name="signing keys", daemon=True).start()
        return self._fetch

    def _run(self, fetch: "Future[None]") -> None:
        try:
            keys = PyJWKSet.from_dict(self._client.fetch_data()).keys
            self._keys = {each.key_id: each.key for each in keys}
            self._stale_at = monotonic() + _FRESH_SECONDS
        except Exception as error:  # noqa: BLE001  (the keys that are known stay in force)
            _log.error("signing keys not fetched", extra={"failure": describe_failure(error)})
        fetch.set_result(None)


@lru_cache(maxsize=4)
def get_signing_keys(url: str) -> SigningKeys:
    return SigningKeys(url)


def read_key_id(token: str) -> str | None:
    """The id of the key that a token claims to be signed with. Raises `jwt.PyJWTError`."""
    key_id = jwt.get_unverified_header(token).get("kid")
    return key_id if isinstance(key_id, str) else None
