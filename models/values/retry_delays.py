"""The delays of the retries of a failed renewal: a list such as `1d 3d 5d`, stored as text."""

import re
from datetime import timedelta
from functools import lru_cache

MOST_RETRIES = 10
_LONGEST = timedelta(days=366)
_DELAY = re.compile(r"(\d{1,5})([hd])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}


@lru_cache(maxsize=1_024)
def parse_delays(text: str | None) -> tuple[timedelta, ...]:
    """Return the delays, each counted from the end of the attempt before. None has no delays.

    Raises `ValueError` with the rule that the text breaks.
    """
    delays = []
    for word in (text or "").replace(",", " ").split():
        match = _DELAY.fullmatch(word)
        delay = int(match[1]) * _UNITS[match[2]] if match else timedelta()
        if not timedelta() < delay <= _LONGEST:
            raise ValueError("must be delays in hours or days of at most a year, such as 12h 1d 3d")
        delays.append(delay)
    if len(delays) > MOST_RETRIES:
        raise ValueError(f"must be at most {MOST_RETRIES} delays")
    return tuple(delays)


def check_retry_after(text: str) -> str | None:
    """Return the delays as they are stored, or None if there are none. Raises `ValueError`."""
    parse_delays(text)
    return " ".join(text.replace(",", " ").split()) or None
