"""Calls to Prefect's server that a run can do without, each with a limit.

What a person sees in the Prefect UI never keeps an order from being copied or paid. Prefect's own
client would wait for more than a minute at each call to a server that is gone.
"""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from httpx import HTTPError, HTTPStatusError, codes
from prefect.context import SettingsContext, get_settings_context
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, Settings

from order_factory.tasks.prefect_ui.run_logs import log_line

R = TypeVar("R")

# Prefect waits 2, 4 and 8 seconds before them, and less where the server only says that it is busy.
RETRIES = 3
# A server that gave no answer is left alone for so many times as long as was waited for it.
_PAUSE_FACTOR, _SHORTEST_PAUSE = 10.0, 2.0

_left_alone_until = 0.0
_limited: dict[int, tuple[Settings, Settings]] = {}


def tell(call: Callable[[], R], retries: int = RETRIES) -> R | None:
    """What the call returns; None where Prefect's server gives no answer.

    All such calls of a process together take about a tenth of its time at the most: while the
    server is left alone, they return None at once.
    """
    global _left_alone_until
    began = monotonic()
    if began < _left_alone_until:
        return None
    try:
        with limit_retries(retries):
            return call()
    except HTTPError as error:
        if not is_away(error):
            raise
        waited = monotonic() - began
        _left_alone_until = monotonic() + max(waited * _PAUSE_FACTOR, _SHORTEST_PAUSE)
        log_line(f"Prefect's server gives no answer ({type(error).__name__}); the run goes on.")
        return None


def is_away(error: BaseException) -> bool:
    """Whether the error says that Prefect's server cannot be reached or cannot answer now."""
    if isinstance(error, HTTPStatusError):
        return error.response.status_code >= codes.INTERNAL_SERVER_ERROR
    return isinstance(error, HTTPError)


def limit_retries(retries: int) -> SettingsContext:
    """Inside the block, Prefect's client retries a request at most `retries` times.

    The settings for it are made once, which takes some milliseconds.
    """
    context = get_settings_context()
    known = _limited.get(retries)
    if known is None or known[0] is not context.settings:
        changed = context.settings.copy_with_update({PREFECT_CLIENT_MAX_RETRIES: retries})
        known = _limited[retries] = context.settings, changed
    return SettingsContext(profile=context.profile, settings=known[1])
