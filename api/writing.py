"""Group commit: requests that wait at the same time share one transaction.

Each is answered after the commit. Under load this means one commit for many requests. Usually none
fails, and no savepoints are needed. If one fails, the transaction is rolled back. Then all are
carried out again, each with a savepoint of its own, so that a failure does not affect the others.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from order_factory.api.errors import conflict, disk_full, unavailable
from order_factory.api.handing_over import hand_over
from order_factory.api.processors import run_in_thread, stay_on
from order_factory.api.settings import api_settings
from order_factory.models.database.engine import WritingSession, begin
from order_factory.models.database.time_limits import QueryTooLong, time_limit, was_stopped
from order_factory.models.database.transient import is_disk_full, is_transient
from order_factory.models.errors import DatabaseNotReady

Work = Callable[[Connection], Any]
# The result of work, or its error.
Outcome = tuple[Any, Exception | None]

_MOST_AT_ONCE = 200
_TRIES = 4
_IDLE_SECONDS = 0.2
# The time limit of large work is this many times that of other work.
_LARGE_FACTOR = 10


@dataclass(frozen=True)
class _WaitingWork:
    work: Work
    future: "asyncio.Future[Any]"


class Writer:
    """One thread that executes the work of writing requests, within one event loop."""

    def __init__(self, processor: int | None = None) -> None:
        """`processor` is that of the event loop, if it stays on one."""
        self._processor = processor
        self._queue: SimpleQueue[_WaitingWork | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Execute the waiting work, then end."""
        self._queue.put(None)
        self._thread.join()

    async def write(self, work: Work) -> Any:
        """Return the result of the work after its commit, or raise its exception."""
        waiting = _WaitingWork(work, asyncio.get_running_loop().create_future())
        self._queue.put(waiting)
        return await waiting.future

    async def write_alone(self, work: Work) -> Any:
        """The same in a transaction of its own: other requests do not wait for large work."""
        ((result, error),) = await run_in_thread(carry_out, [work], _LARGE_FACTOR)
        if error is not None:
            raise error
        return result

    def _run(self) -> None:
        stay_on(self._processor)
        session = WritingSession()
        while (first := self._take_next(session)) is not None:
            together, ended = [first], False
            while len(together) < _MOST_AT_ONCE and not ended:
                try:
                    next_work = self._queue.get_nowait()
                except Empty:
                    break
                if next_work is None:
                    ended = True
                else:
                    together.append(next_work)
            # If a client has disconnected, skip its work.
            together = [each for each in together if not each.future.cancelled()]
            if together:
                outcomes = carry_out([each.work for each in together], begin=session.begin)
                hand_over(
                    [
                        (each.future, result, error)
                        for each, (result, error) in zip(together, outcomes, strict=True)
                    ]
                )
            if ended:
                break
        session.close()

    def _take_next(self, session: WritingSession) -> _WaitingWork | None:
        """Wait for work. Return the connection to the pool if none comes for a while."""
        try:
            return self._queue.get(timeout=_IDLE_SECONDS)
        except Empty:
            session.close()
            return self._queue.get()


def carry_out(
    together: Sequence[Work],
    factor: int = 1,
    begin: Callable[[], AbstractContextManager[Connection]] = begin,
) -> list[Outcome]:
    """Run all work in one transaction, and return each outcome after the commit."""
    seconds = factor * api_settings().query_seconds
    with_savepoints = False
    for _ in range(_TRIES):
        try:
            with begin() as db, time_limit(db, seconds):
                outcomes: list[Outcome] = [
                    _attempt(db, work) if with_savepoints else (work(db), None) for work in together
                ]
            return outcomes
        except Exception as error:  # noqa: BLE001  (every waiting request needs its outcome)
            failure = error
            helps = not with_savepoints and _may_savepoints_help(error, together)
            if not helps and not is_transient(error):
                break
            with_savepoints = True
    return [(None, _choose_error(failure)) for _ in together]


def _may_savepoints_help(error: Exception, together: Sequence[Work]) -> bool:
    """Return whether some of the work may succeed if each work has a savepoint of its own."""
    if isinstance(error, DatabaseNotReady | QueryTooLong):
        return False
    return len(together) > 1 or isinstance(error, IntegrityError)


def _attempt(db: Connection, work: Work) -> Outcome:
    """Return the work's result or its own exception. Raises errors of the whole transaction."""
    for attempt in (1, 2):
        try:
            with db.begin_nested():
                return work(db), None
        except IntegrityError:
            # Another service may have stored the same at the same time; now the work can see it.
            if attempt == 2:
                return None, conflict("A resource with the same values exists already.")
        except (DBAPIError, QueryTooLong) as error:
            if is_transient(error) or isinstance(error, QueryTooLong):
                raise
            return None, unavailable() if was_stopped(error) else error
        except Exception as error:  # noqa: BLE001  (it fails alone, and its request reports it)
            return None, error
    raise AssertionError("both attempts return or raise")


def _choose_error(error: Exception) -> Exception:
    if is_disk_full(error):
        return disk_full()
    passes = isinstance(error, DatabaseNotReady | QueryTooLong) or is_transient(error)
    return unavailable() if passes else error
