"""The threads that read: callers take turns, and none uses more than half of the threads.

A small read takes less time than passing its result between threads. So one thread does all quick
reads: it keeps its connection while reads wait, hands over several results together, and runs on
the processor of the event loop. The others help only while a slow read keeps it busy.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Lock, Thread
from time import monotonic
from typing import Any

from sqlalchemy import Connection

from order_factory.api.errors import too_many_waiting
from order_factory.api.handing_over import HandedOver, hand_over
from order_factory.api.processors import stay_on
from order_factory.models.database.engine import ReadingSession
from order_factory.models.database.transient import is_transient

Read = Callable[[Connection], Any]

MOST_WAITING = 100
_SLOW_SECONDS = 0.02
_SECONDS_BETWEEN_RESULTS = 0.002
_IDLE_SECONDS = 0.2


@dataclass(frozen=True)
class _WaitingRead:
    caller: str
    read: Read
    future: "asyncio.Future[Any]"


class Readers:
    """Runs reads in threads, within one event loop."""

    def __init__(self, threads: int, processor: int | None = None) -> None:
        """`processor` is that of the event loop, if it stays on one."""
        self._processor = processor
        self._threads = [
            Thread(target=self._run, args=(number == 0,), name=f"reader {number}", daemon=True)
            for number in range(threads)
        ]
        self._most = max(1, threads // 2)
        self._lock = Lock()
        self._arrived, self._help = Condition(self._lock), Condition(self._lock)
        self._begun = 0
        # When the first thread began its read; None if it does not read.
        self._first_began: float | None = None
        self._running: Counter[str] = Counter()
        # The next caller is first.
        self._waiting: dict[str, deque[_WaitingRead]] = {}
        self._ending = False
        self._watch: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Finish the running and the waiting reads, then end."""
        with self._lock:
            self._ending = True
            self._arrived.notify()
            self._help.notify_all()
        for each in self._threads:
            each.join()

    async def read(self, caller: str, read: Read) -> Any:
        """Return the result of the read, or raise its exception.

        Raises `ApiError` (429) if too many reads of this caller wait.
        """
        loop = self._loop = asyncio.get_running_loop()
        waiting = _WaitingRead(caller, read, loop.create_future())
        with self._lock:
            queue = self._waiting.setdefault(caller, deque())
            _drop_cancelled(queue)
            if len(queue) >= MOST_WAITING:
                raise too_many_waiting(MOST_WAITING)
            queue.append(waiting)
            if self._first_began is None:
                self._arrived.notify()
        if self._watch is None:
            self._watch = loop.call_later(_SLOW_SECONDS, self._wake_if_stuck, self._begun)
        return await waiting.future

    def _wake_if_stuck(self, begun_before: int) -> None:
        """Wake a helping thread if reads wait and none was begun since the last look."""
        self._watch = None
        with self._lock:
            if not self._waiting:
                return
            if self._begun == begun_before:
                self._help.notify()
        assert self._loop is not None
        self._watch = self._loop.call_later(_SLOW_SECONDS, self._wake_if_stuck, self._begun)

    def _run(self, first: bool) -> None:
        if first:
            stay_on(self._processor)
        session: ReadingSession | None = None
        results: list[HandedOver] = []
        waiting: _WaitingRead | None = None
        handed_over = monotonic()
        while True:
            with self._lock:
                following = self._take_next(waiting, first)
            if results and (following is None or monotonic() > handed_over):
                hand_over(results)
                results, handed_over = [], monotonic() + _SECONDS_BETWEEN_RESULTS
            waiting = following or self._wait(_IDLE_SECONDS, first)
            if waiting is None:
                if session is not None:
                    session.close()
                    session = None
                waiting = self._wait(None, first)
                if waiting is None:
                    return
            session, result = _carry_out(waiting, session)
            results.append(result)

    def _take_next(self, done: _WaitingRead | None, first: bool) -> _WaitingRead | None:
        """Return the next read of the caller who has the next turn; None if no read may begin."""
        if done is not None:
            self._running[done.caller] -= 1
            if not self._running[done.caller]:
                del self._running[done.caller]
        now = monotonic()
        if first:
            self._first_began = None
        elif self._first_began is None or now < self._first_began + _SLOW_SECONDS:
            # The first thread can go on, perhaps with a read whose caller had too many running.
            self._arrived.notify()
            return None
        for caller in list(self._waiting):
            queue = self._waiting[caller]
            _drop_cancelled(queue)
            if queue and self._running[caller] >= self._most:
                continue
            # To the end of the queue of callers.
            del self._waiting[caller]
            if queue:
                waiting = queue.popleft()
                if queue:
                    self._waiting[caller] = queue
                self._running[caller] += 1
                self._begun += 1
                if first:
                    self._first_began = now
                return waiting
        return None

    def _wait(self, seconds: float | None, first: bool) -> _WaitingRead | None:
        """Sleep until there is a read; None after these seconds, or at the end."""
        end = None if seconds is None else monotonic() + seconds
        woken = self._arrived if first else self._help
        with self._lock:
            while True:
                waiting = self._take_next(None, first)
                left = None if end is None else end - monotonic()
                if waiting is not None or self._ending or (left is not None and left <= 0):
                    return waiting
                woken.wait(left)


def _drop_cancelled(queue: deque[_WaitingRead]) -> None:
    """Remove the reads at the head of a queue if their clients have disconnected."""
    while queue and queue[0].future.cancelled():
        queue.popleft()


def _carry_out(
    waiting: _WaitingRead, session: ReadingSession | None
) -> tuple[ReadingSession | None, HandedOver]:
    """Read. Returns the session for the next read, None after an error, and the result."""
    is_reused = session is not None
    try:
        session = session or ReadingSession()
        with session.snapshot() as db:
            return session, (waiting.future, waiting.read(db), None)
    except Exception as error:  # noqa: BLE001  (the request reports it)
        if session is not None:
            session.close()
        if is_reused and is_transient(error):
            return _carry_out(waiting, None)  # the connection was lost while nothing was read
        return None, (waiting.future, None, error)
