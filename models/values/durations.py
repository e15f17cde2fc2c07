"""Lengths of time as people write them: `24 hours`, `7 days`, `90 minutes`."""

import re
from datetime import timedelta

_DURATION = re.compile(r"(\d{1,6}) ?(m|min|minutes?|h|hours?|d|days?|w|weeks?)", re.IGNORECASE)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36_525)


def parse_duration(text: str) -> timedelta:
    """Parse a length of time. Raises `ValueError` with the rule that the text breaks."""
    match = _DURATION.fullmatch(" ".join(text.split()))
    length = timedelta()
    if match is not None:
        length = timedelta(**{_UNITS[match[2][0].lower()]: int(match[1])})
    if not timedelta() < length <= _LONGEST:
        raise ValueError(
            "must be a length of time of at most a century, such as 24 hours or 7 days"
        )
    return length


def check_duration(text: str) -> str:
    """Return the text as it is stored: `24 hours`. Raises `ValueError`."""
    parse_duration(text)
    match = _DURATION.fullmatch(" ".join(text.split()))
    assert match is not None
    unit = _UNITS[match[2][0].lower()]
    count = int(match[1])
    return f"{count} {unit if count != 1 else unit[:-1]}"
