"""Rate limits: how many requests each caller may make in a number of seconds.

A caller may have several limits. A service counts the requests of all its processes together. It
does not count the requests to other services.
"""

import re
from functools import lru_cache
from math import ceil
from pathlib import Path
from threading import Lock
from time import time

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from order_factory.api.errors import ApiError, Problem

# The headers of the reference.
RATE_HEADERS = ("X-Ratelimit-Limit", "X-Ratelimit-Interval", "X-Ratelimit-Remaining")
_LIMIT = re.compile(r"(\d{1,9})/(\d{1,6})")


class RateLimiter:
    """Counts requests by a name, such as a caller's."""

    def __init__(self, counters: Path | None = None) -> None:
        """Count in this process, or together with all processes that use the same file."""
        storage = MemoryStorage() if counters is None else _open_shared_counters(counters)
        self._windows = SlidingWindowCounterRateLimiter(storage)
        self._lock = Lock()

    def admit(self, name: str, limits: str) -> dict[str, str]:
        """Count a request. Returns the headers with the remaining ones. Raises `ApiError` (429)."""
        items = parse_limits(limits)
        if not items:
            return {}
        with self._lock:
            self.check(name, limits)
            for item in items:
                self._windows.hit(item, name)
        left = [(self._windows.get_window_stats(item, name).remaining, item) for item in items]
        remaining, narrowest = min(left, key=lambda each: each[0])
        return _make_headers(narrowest, remaining)

    def check(self, name: str, limits: str) -> None:
        """Raise `ApiError` (429) if no further request is allowed, without counting one."""
        for item in parse_limits(limits):
            if not self._windows.test(item, name):
                reset_at = self._windows.get_window_stats(item, name).reset_time
                raise _refuse_request(item, reset_at - time())

    def count(self, name: str, limits: str) -> None:
        """Count a request for `check`."""
        for item in parse_limits(limits):
            self._windows.hit(item, name)


def _open_shared_counters(path: Path) -> Storage:
    # Only a service of several processes needs it.
    from order_factory.api.shared_counters import SharedCounters

    return SharedCounters(path)


@lru_cache(maxsize=256)
def parse_limits(text: str) -> tuple[RateLimitItem, ...]:
    """Return the limits in a text such as `50/10 600/300`. Raises `ValueError` for other texts."""
    matches = [_LIMIT.fullmatch(part) for part in text.split()]
    items = [RateLimitItemPerSecond(int(each[1]), max(1, int(each[2]))) for each in matches if each]
    if len(items) < len(matches):
        raise ValueError("rate limits are written REQUESTS/SECONDS, such as 50/10 600/300")
    return tuple(items)


def _refuse_request(item: RateLimitItem, seconds: float) -> ApiError:
    wait = max(1, ceil(seconds))
    detail = f"More than {item.amount} requests in {item.multiples} seconds; wait {wait} seconds."
    problem = Problem(429, "RATE_LIMIT_EXCEEDED", "Too many requests", detail)
    return ApiError(problem, headers=_make_headers(item, 0) | {"Retry-After": str(wait)})


def _make_headers(item: RateLimitItem, left: int) -> dict[str, str]:
    return dict(zip(RATE_HEADERS, map(str, (item.amount, item.multiples, left)), strict=True))
