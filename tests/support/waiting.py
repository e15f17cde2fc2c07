"""Waiting for a condition instead of for some time."""

import time
from collections.abc import Callable
from typing import Any

SECONDS = 300


def wait_for(condition: Callable[..., Any], what: str, seconds: float = SECONDS) -> Any:
    """What the condition gives once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.25)
    return found
