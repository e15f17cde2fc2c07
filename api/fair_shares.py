"""Fair shares of the uploads: callers take turns, and none uses more than half."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from order_factory.api.errors import too_many_waiting

_MOST_WAITING = 100


class FairShares:
    """Limits how many requests run at a time, within one event loop.

    Waiting callers take turns. The number of their requests does not matter.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._most = max(1, places // 2)
        self._running: Counter[str] = Counter()
        # The next caller is first.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for a turn of this caller. Raises `ApiError` (429) if too many requests wait."""
        await self._enter(caller)
        try:
            yield
        finally:
            self._leave(caller)

    async def _enter(self, caller: str) -> None:
        if self._free and self._running[caller] < self._most:
            self._take(caller)
            return
        queue = self._waiting.setdefault(caller, deque())
        if len(queue) >= _MOST_WAITING:
            raise too_many_waiting(_MOST_WAITING)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(caller)  # it got its turn just before the client disconnected
            raise

    def _take(self, caller: str) -> None:
        self._free -= 1
        self._running[caller] += 1

    def _leave(self, caller: str) -> None:
        self._free += 1
        self._running[caller] -= 1
        if not self._running[caller]:
            del self._running[caller]
        self._let_in()

    def _let_in(self) -> None:
        for caller in list(self._waiting):
            if not self._free:
                return
            queue = self._waiting[caller]
            while queue and queue[0].done():  # its client has disconnected
                queue.popleft()
            if queue and self._running[caller] < self._most:
                queue.popleft().set_result(None)
                self._take(caller)
                # To the end of the queue.
                self._waiting[caller] = self._waiting.pop(caller)
            if not queue:
                del self._waiting[caller]
