"""Waiting for a condition, and not for a length of time."""

import time
from collections.abc import Callable
from typing import Any

SECONDS = 300


def wait_for(condition: Callable[..., Any], description: str, seconds: float = SECONDS) -> Any:
    """Wait until the condition returns a true value; returns this value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"this did not happen in time: {description}"
        time.sleep(0.25)
    return value
