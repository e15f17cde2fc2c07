"""The one policy for passing faults: a whole transaction is run again until it goes through.

A restart of PostgreSQL, a connection that is ended by an administrator or a time limit, a deadlock:
all of them pass, and none is an error of an order. Where the connection is lost at COMMIT nobody
knows whether the transaction was kept, so what is run again must look first and do only what is
missing. Every transaction here is of that kind.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    stop_all,
    wait_exponential_jitter,
)

from order_factory.models.database.engine import begin, reading
from order_factory.models.database.transient import is_transient
from order_factory.models.errors import DatabaseAway, TryAgain

T = TypeVar("T")

# Longer than PostgreSQL takes to restart, and than it keeps the rows of a lost connection. A long
# transaction is tried a few times, however long one try takes.
PATIENCE_SECONDS, TRIES = 45.0, 6
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0


def write(work: Callable[[Connection], T]) -> T:
    """What `work` returns, in a writing transaction of its own that is committed.

    A passing fault runs it again, so it must do nothing that it has done already.
    Raises `DatabaseAway` where the database cannot be reached for too long.
    """

    def attempt() -> T:
        with begin() as db:
            return work(db)

    return until_it_passes(attempt)


def read(work: Callable[[Connection], T]) -> T:
    """What `work` returns, in a transaction that only reads; a passing fault runs it again."""

    def attempt() -> T:
        with reading() as db:
            return work(db)

    return until_it_passes(attempt)


def passes(error: BaseException) -> bool:
    """Whether the same work may succeed when its transaction is run again."""
    return isinstance(error, DatabaseAway | TryAgain) or is_transient(error)


def until_it_passes(
    attempt: Callable[[], T], may_pass: Callable[[BaseException], bool] = passes
) -> T:
    """What `attempt` returns; it is made again after each passing fault of the database.

    For what opens a transaction of its own, and only where the database was reached before: one
    that cannot be opened is taken for one that is being restarted.
    """
    return Retrying(
        retry=retry_if_exception(may_pass),
        stop=stop_all(stop_after_attempt(TRIES), stop_after_delay(PATIENCE_SECONDS)),
        wait=wait_exponential_jitter(
            multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE, jitter=_FIRST_PAUSE
        ),
        reraise=True,
    )(attempt)
