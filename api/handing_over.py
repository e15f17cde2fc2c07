"""Handing the outcomes of a thread's work over to the event loop, several at a time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

# The future of a waiting request, and its result or its error.
HandedOver = tuple["asyncio.Future[Any]", Any, Exception | None]


def hand_over(outcomes: Sequence[HandedOver]) -> None:
    """Set the results and errors of these futures, which belong to one event loop."""
    if outcomes:
        loop = outcomes[0][0].get_loop()
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(_set_outcomes, outcomes)


def _set_outcomes(outcomes: Sequence[HandedOver]) -> None:
    for future, result, error in outcomes:
        if future.done():
            continue  # its client has disconnected
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
