"""Reading JSON from clients without changing any number."""

import json
import re
from typing import Any

import orjson

# Digits that may make a number beyond 64 bits, which orjson would read as a float.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def parse_json(text: bytes) -> Any:
    """The value of a JSON text; whole numbers of any length stay whole. Raises `ValueError`."""
    value = orjson.loads(text)  # refuses NaN, lone surrogates and other invalid JSON
    return json.loads(text) if _LONG_NUMBER.search(text) else value
