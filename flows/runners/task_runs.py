"""Parts as task runs: so many at a time, and the next begins when one has come back."""

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from prefect.futures import PrefectFuture

from order_factory.flows.runners.job import Outcome, Parts
from order_factory.flows.support.stop_signals import Stop
from order_factory.models.errors import DatabaseNotReady

SECONDS_BETWEEN_LOOKS = 0.5


def in_turn(
    submit: Callable[[int], PrefectFuture[Any]], parts: Parts, at_once: int, stop: Stop
) -> Iterator[Outcome]:
    """Submit the parts by their numbers, at most `at_once` of them at a time; each one's outcome.

    A part begins before the outcome of the one whose place it takes is told: what is done with
    that costs no time. Once the run is stopped, or the database is gone, no further part begins.
    """
    ended: SimpleQueue[PrefectFuture[Any]] = SimpleQueue()
    waiting = iter(range(parts.first, parts.first + parts.count))
    under_way = 0
    outcome: Outcome | None = None
    while True:
        while under_way < at_once and _goes_on(stop, outcome):
            part = next(waiting, None)
            if part is None:
                break
            submit(part).add_done_callback(ended.put)
            under_way += 1
        if outcome is not None:
            yield outcome
        if not under_way:
            return
        outcome = _outcome(_next(ended, stop))
        under_way -= 1


def _goes_on(stop: Stop, outcome: Outcome | None) -> bool:
    return stop.reason is None and not isinstance(outcome, DatabaseNotReady)


def _next(ended: SimpleQueue[PrefectFuture[Any]], stop: Stop) -> PrefectFuture[Any]:
    while True:
        stop.look()
        try:
            return ended.get(timeout=SECONDS_BETWEEN_LOOKS)
        except Empty:
            continue


def _outcome(future: PrefectFuture[Any]) -> Outcome:
    try:
        outcome: Outcome = future.result(raise_on_failure=False)
    except Exception as error:  # noqa: BLE001  (the process that ran it may be gone)
        return error
    return outcome
