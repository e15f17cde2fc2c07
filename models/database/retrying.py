"""The retry policy for transient errors: the whole transaction is run again until it succeeds.

A restart of PostgreSQL, a connection that an administrator or a time limit ends, a deadlock: all of
them pass, and none is an error of an order. If the connection is lost at COMMIT, nobody knows
whether the transaction was committed. So each transaction first looks at what is done, and does
only what is missing.
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

# PostgreSQL takes less time to restart, and to release the rows of a lost connection. A long
# transaction is tried a few times, however long one try takes.
PATIENCE_SECONDS, TRIES = 45.0, 6
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0


def write(work: Callable[[Connection], T]) -> T:
    """Run `work` in a writing transaction, commit it, and return its result.

    After a transient error it is run again, so it must not repeat what is committed already. Raises
    `DatabaseAway` if the database cannot be reached for too long.
    """

    def attempt() -> T:
        with begin() as db:
            return work(db)

    return retry_transient(attempt)


def read(work: Callable[[Connection], T]) -> T:
    """Run `work` in a reading transaction, and return its result. Transient errors are retried."""

    def attempt() -> T:
        with reading() as db:
            return work(db)

    return retry_transient(attempt)


def may_succeed_again(error: BaseException) -> bool:
    """Whether the same work may succeed when its transaction is run again."""
    return isinstance(error, DatabaseAway | TryAgain) or is_transient(error)


def retry_transient(
    attempt: Callable[[], T], may_pass: Callable[[BaseException], bool] = may_succeed_again
) -> T:
    """Call `attempt` again after each transient error of the database, and return its result.

    It is for functions that open their own transaction. If the database cannot be reached, it is
    assumed to be restarting, because it was reached before.
    """
    return Retrying(
        retry=retry_if_exception(may_pass),
        stop=stop_all(stop_after_attempt(TRIES), stop_after_delay(PATIENCE_SECONDS)),
        wait=wait_exponential_jitter(
            multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE, jitter=_FIRST_PAUSE
        ),
        reraise=True,
    )(attempt)
