"""What a JSON object of the caller's own (metadata) may hold, wherever it comes in."""

import json
from typing import Any

MAX_CHARACTERS = 65_536
MAX_DEPTH = 50


def json_object_problem(value: Any) -> str | None:
    """What is wrong with a value that must be a JSON object that both databases can store.

    None where nothing is. The message never quotes the value.
    """
    if not isinstance(value, dict):
        return 'is not a JSON object like {"key": "value"}'
    if not _is_within(value, MAX_DEPTH):
        return f"is nested more than {MAX_DEPTH} levels deep"
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError):
        return "is not valid JSON: it holds NaN, infinity or what is no JSON value"
    if len(text) > MAX_CHARACTERS:
        return f"has {len(text)} characters of JSON; at most {MAX_CHARACTERS} are allowed"
    if "\\u0000" in text.replace("\\\\", ""):
        return "holds the character 0, which cannot be stored"
    if not text.isascii() and _holds_half_a_character(text):
        return "holds half of a character (a lone surrogate), which cannot be stored"
    return None


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises `ValueError` with what is wrong."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError:
        raise ValueError("is not valid JSON") from None


def _is_within(value: Any, depth: int) -> bool:
    """Whether objects and lists are nested at most so deep."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_within(each, depth - 1) for each in inner)


def _holds_half_a_character(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
