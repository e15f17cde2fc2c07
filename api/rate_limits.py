"""Rate limits: how many requests each caller may make in some seconds, several limits at once.

Counted in this process: several services side by side each count their own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from threading import Lock
from time import monotonic

from order_factory.api.caller import Caller
from order_factory.api.errors import ApiError, Problem

_LIMIT = re.compile(r"(\d{1,9})/(\d{1,6})")
_MOST_CALLERS = 10_000


@dataclass(frozen=True)
class Limit:
    """At most so many requests in so many seconds."""

    requests: int
    seconds: int


@dataclass
class _Window:
    """The requests of the seconds that began then, and of those before them."""

    began: float
    count: int = 0
    before: int = 0

    def move_to(self, now: float, seconds: int) -> None:
        passed = int((now - self.began) // seconds)
        if passed:
            self.before = self.count if passed == 1 else 0
            self.count = 0
            self.began += passed * seconds

    def used(self, now: float, seconds: int) -> float:
        """The requests of the last seconds, those before taken as spread evenly."""
        return self.before * (1 - (now - self.began) / seconds) + self.count


class RateLimiter:
    """Counts requests by caller."""

    def __init__(self, limits: str) -> None:
        self._default = limits
        self._windows: dict[tuple[str, Limit], _Window] = {}
        self._lock = Lock()

    def admit(self, caller: Caller) -> dict[str, str]:
        """Count a request; the headers that tell how many are left. Raises `ApiError` (429)."""
        own = self._default if caller.rate_limits is None else caller.rate_limits
        limits = parse_limits(own)
        if not limits:
            return {}
        now = monotonic()
        with self._lock:
            windows = [(limit, self._window(caller, limit, now)) for limit in limits]
            left = [
                (limit.requests - window.used(now, limit.seconds), limit, window)
                for limit, window in windows
            ]
            fewest, limit, window = min(left, key=lambda each: each[0])
            if fewest < 1:
                raise _too_many(limit, window, now)
            for _, counted in windows:
                counted.count += 1
        return _headers(limit, int(fewest) - 1)

    def _window(self, caller: Caller, limit: Limit, now: float) -> _Window:
        key = (caller.name, limit)
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= _MOST_CALLERS:
                self._windows.clear()
            window = self._windows[key] = _Window(now)
        window.move_to(now, limit.seconds)
        return window


@lru_cache(maxsize=256)
def parse_limits(text: str) -> tuple[Limit, ...]:
    """The limits of a text such as `50/10 600/300`. Raises `ValueError` for any other."""
    found = [_LIMIT.fullmatch(part) for part in text.split()]
    if not all(found):
        raise ValueError("rate limits are written REQUESTS/SECONDS, such as 50/10 600/300")
    return tuple(Limit(int(each[1]), max(1, int(each[2]))) for each in _matches(found))


def _matches(found: Iterable[re.Match[str] | None]) -> Iterable[re.Match[str]]:
    return (each for each in found if each is not None)


def _too_many(limit: Limit, window: _Window, now: float) -> ApiError:
    wait = max(1, ceil(window.began + limit.seconds - now))
    detail = f"More than {limit.requests} requests in {limit.seconds} seconds; wait {wait} seconds."
    problem = Problem(429, "RATE_LIMIT_EXCEEDED", "Too many requests", detail)
    return ApiError(problem, headers=_headers(limit, 0) | {"Retry-After": str(wait)})


def _headers(limit: Limit, left: int) -> dict[str, str]:
    """The headers of the reference."""
    return {
        "X-Ratelimit-Limit": str(limit.requests),
        "X-Ratelimit-Interval": str(limit.seconds),
        "X-Ratelimit-Remaining": str(left),
    }
