"""Running parts as task runs, a limited number at the same time."""

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from prefect.futures import PrefectFuture

from order_factory.flows.runners.job import Outcome, Parts
from order_factory.flows.support.stop_signals import Stop
from order_factory.models.errors import DatabaseNotReady, PrefectAway
from order_factory.tasks.prefect_ui.prefect_calls import is_away

POLL_SECONDS = 0.5


def submit_in_turn(
    submit: Callable[[int], PrefectFuture[Any]], parts: Parts, at_once: int, stop: Stop
) -> Iterator[Outcome]:
    """Submit the parts by number, at most `at_once` at the same time; yields each outcome.

    The next part starts before the outcome is yielded: the caller's work delays no part.
    When the run is stopped, or the database or Prefect's server does not answer, no further part
    starts.
    """
    finished: SimpleQueue[PrefectFuture[Any]] = SimpleQueue()
    waiting = iter(range(parts.first, parts.first + parts.count))
    running = 0
    outcome: Outcome | None = None
    while True:
        while running < at_once and _may_start(stop, outcome):
            part = next(waiting, None)
            if part is None:
                break
            submit(part).add_done_callback(finished.put)
            running += 1
        if outcome is not None:
            yield outcome
        if not running:
            return
        outcome = _get_outcome(_wait_for_next(finished, stop))
        running -= 1


def _may_start(stop: Stop, outcome: Outcome | None) -> bool:
    return stop.reason is None and not isinstance(outcome, DatabaseNotReady | PrefectAway)


def _wait_for_next(finished: SimpleQueue[PrefectFuture[Any]], stop: Stop) -> PrefectFuture[Any]:
    while True:
        stop.look()
        try:
            return finished.get(timeout=POLL_SECONDS)
        except Empty:
            continue


def _get_outcome(future: PrefectFuture[Any]) -> Outcome:
    try:
        outcome: Outcome = future.result(raise_on_failure=False)
    except Exception as error:  # noqa: BLE001  (the process that ran it may be gone)
        outcome = error
    if isinstance(outcome, BaseException) and is_away(outcome):
        return PrefectAway("the flow run of an order", type(outcome).__name__)
    return outcome
