"""Group commit: requests that wait at the same time share one transaction.

Each has a savepoint of its own, so one that fails does not affect the others. Each is answered
after the commit. Under load this means one commit for many requests.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from order_factory.api.errors import conflict, disk_full, unavailable
from order_factory.api.processors import run_in_thread, stay_on
from order_factory.api.settings import api_settings
from order_factory.models.database.engine import begin
from order_factory.models.database.time_limits import QueryTooLong, time_limit, was_stopped
from order_factory.models.database.transient import is_disk_full, is_transient
from order_factory.models.errors import DatabaseNotReady

Work = Callable[[Connection], Any]

_MOST_AT_ONCE = 200
_TRIES = 4
# The time limit of large work is this many times that of other work.
_LARGE_FACTOR = 10


@dataclass(frozen=True)
class _WaitingWork:
    work: Work
    outcome: "Future[Any]" = field(default_factory=Future)


class Writer:
    """One thread that executes the work of writing requests."""

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
        waiting = _WaitingWork(work)
        self._queue.put(waiting)
        return await asyncio.wrap_future(waiting.outcome)

    async def write_alone(self, work: Work) -> Any:
        """The same in a transaction of its own: other requests do not wait for large work."""
        waiting = _WaitingWork(work)
        waiting.outcome.set_running_or_notify_cancel()
        await run_in_thread(carry_out, [waiting], _LARGE_FACTOR)
        return waiting.outcome.result()

    def _run(self) -> None:
        stay_on(self._processor)
        while (first := self._queue.get()) is not None:
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
            carry_out([each for each in together if each.outcome.set_running_or_notify_cancel()])
            if ended:
                return


def carry_out(together: list[_WaitingWork], factor: int = 1) -> None:
    """Run all work in one transaction, and report each outcome after the commit."""
    seconds = factor * api_settings().query_seconds
    for attempt in range(1, _TRIES + 1):
        try:
            with begin() as db, time_limit(db, seconds):
                outcomes = [_attempt(db, each.work) for each in together]
        except Exception as error:  # noqa: BLE001  (every waiting request needs its outcome)
            if attempt < _TRIES and is_transient(error):
                continue
            failure = _choose_error(error)
            outcomes = [(None, failure) for _ in together]
        break
    for each, (result, failed) in zip(together, outcomes, strict=True):
        if failed is None:
            each.outcome.set_result(result)
        else:
            each.outcome.set_exception(failed)


def _attempt(db: Connection, work: Work) -> tuple[Any, Exception | None]:
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
