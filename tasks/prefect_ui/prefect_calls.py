"""Optional calls to Prefect's server, each with limited retries.

A problem with the Prefect UI must never prevent a copy or a payment. If the server is gone,
Prefect's own client would wait for more than a minute at each call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from httpx import HTTPError, HTTPStatusError, codes
from prefect.context import SettingsContext, get_settings_context

from order_factory.tasks.prefect_ui.run_logs import log_line

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

R = TypeVar("R")

# Prefect waits 2, 4 and 8 seconds before them, and less if the server is only busy.
RETRIES = 3
# How long each try of a new client waits for an answer.
ANSWER_SECONDS = 10.0
# After a call without an answer, no call is made for this many times the waiting time.
_PAUSE_FACTOR, _SHORTEST_PAUSE = 10.0, 2.0

_no_calls_before = 0.0


def try_call(call: Callable[[], R], retries: int = RETRIES) -> R | None:
    """Return the result of the call, or None if Prefect's server does not answer.

    After a failure, further calls return None at once for a while. So all calls of a process
    together take at most about a tenth of its time.
    """
    global _no_calls_before
    began = monotonic()
    if began < _no_calls_before:
        return None
    try:
        with limit_retries(retries):
            return call()
    except HTTPError as error:
        if not is_away(error):
            raise
        waited = monotonic() - began
        _no_calls_before = monotonic() + max(waited * _PAUSE_FACTOR, _SHORTEST_PAUSE)
        log_line(f"Prefect's server does not answer ({type(error).__name__}); the run continues.")
        return None


def is_away(error: BaseException) -> bool:
    """Whether the error says that Prefect's server cannot be reached or cannot answer now."""
    if isinstance(error, HTTPStatusError):
        return error.response.status_code >= codes.INTERNAL_SERVER_ERROR
    return isinstance(error, HTTPError)


def limit_retries(retries: int) -> SettingsContext:
    """Inside the block, Prefect's client retries a request at most `retries` times.

    A client that is made inside the block waits at most `ANSWER_SECONDS` for each answer.
    """
    context = get_settings_context()
    # Prefect's own function would read the environment again, which takes 30 milliseconds.
    client = context.settings.client.model_copy(update={"max_retries": retries})
    api = context.settings.api.model_copy(update={"request_timeout": ANSWER_SECONDS})
    settings = context.settings.model_copy(update={"client": client, "api": api})
    return SettingsContext(profile=context.profile, settings=settings)


@contextmanager
def open_client() -> Iterator["SyncPrefectClient"]:
    """Open a client of Prefect's server that retries a request at most `RETRIES` times."""
    from prefect.client.orchestration import get_client

    with limit_retries(RETRIES), get_client(sync_client=True) as client:
        yield client
