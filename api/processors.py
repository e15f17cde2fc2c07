"""Keeping the threads that answer requests on one processor.

Python runs one thread at a time. If the event loop reads a request on one processor and a thread
reads its rows on another, every change between them moves Python's objects from cache to cache.
That takes as long as the answer itself (`docs/explanation/benchmarks.md`).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TypeVar

import anyio

from order_factory.api.settings import api_settings

Result = TypeVar("Result")


def choose_processor(number: int) -> int | None:
    """Return a processor for the service with this number; None if it may run on all."""
    processors = sorted(_find_processors())
    if len(processors) < 2 or not api_settings().one_processor:
        return None
    return processors[number % len(processors)]


def count_processors() -> int:
    """Return the number of processors to choose from; 0 if the system has no choice."""
    return len(_find_processors())


def stay_on(processor: int | None) -> None:
    """Let this thread run on this processor only, and all threads that it starts."""
    if processor is not None:
        _limit_to({processor})


@contextmanager
def staying_on(processor: int | None) -> Iterator[None]:
    """Let this thread run on this processor in the block."""
    stay_on(processor)
    try:
        yield
    finally:
        _leave()


async def run_in_thread(function: Callable[..., Result], *arguments: object) -> Result:
    """Return the function's result from a thread that may run on every processor."""

    def run() -> Result:
        _leave()
        return function(*arguments)

    return await anyio.to_thread.run_sync(run)


@cache
def _find_processors() -> frozenset[int]:
    """Return the processors that this process may use, before it chooses one."""
    if not hasattr(os, "sched_getaffinity"):
        return frozenset()
    return frozenset(os.sched_getaffinity(0))


def _leave() -> None:
    if _find_processors():
        _limit_to(_find_processors())


def _limit_to(processors: set[int] | frozenset[int]) -> None:
    # An administrator may have taken the processor away. The service is only slower without it.
    with suppress(OSError):
        os.sched_setaffinity(0, processors)
