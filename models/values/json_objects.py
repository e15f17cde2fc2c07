"""The rules for JSON objects of the caller (metadata), at every entry point."""

import json
from typing import Any

from order_factory.models.values.texts import find_text_problem

MAX_CHARACTERS = 65_536
MAX_DEPTH = 50


def find_json_problem(value: Any) -> str | None:
    """Return what is wrong with a value that both databases must store as a JSON object.

    Returns None if it is valid. The message never quotes the value.
    """
    if not isinstance(value, dict):
        return 'is not a JSON object like {"key": "value"}'
    if not _is_within(value, MAX_DEPTH):
        return f"is nested more than {MAX_DEPTH} levels deep"
    if _contains_long_integer(value):
        return "contains a whole number beyond 64 bits; write it as text"
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError):
        return "is not valid JSON: it contains NaN, infinity or a value that JSON does not have"
    if len(text) > MAX_CHARACTERS:
        return f"has {len(text)} characters of JSON; at most {MAX_CHARACTERS} are allowed"
    # JSON writes the character 0 as this escape. After another backslash, it is plain text.
    if "\\u0000" in text.replace("\\\\", ""):
        text = "\0"
    return find_text_problem(text, MAX_CHARACTERS)


def parse_json(text: str) -> Any:
    """Return the value of a JSON text. Raises `ValueError` with what is wrong."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError:
        raise ValueError("is not valid JSON") from None


def _is_within(value: Any, depth: int) -> bool:
    """Whether objects and lists are nested no deeper than this."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_within(each, depth - 1) for each in inner)


def _contains_long_integer(value: Any) -> bool:
    """Whether a whole number is too long for most JSON readers, including ours."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return any(_contains_long_integer(each) for each in inner)
    return isinstance(value, int) and not -(2**63) <= value < 2**63
