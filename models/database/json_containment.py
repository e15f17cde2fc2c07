"""Whether one JSON value contains another, like `@>` of PostgreSQL. SQLite has no such operator."""

import json
from typing import Any

from order_factory.models.database.time_limits import check_time_limit


def json_contains(document: str | None, wanted: str) -> bool | None:
    """Return whether a JSON text contains the JSON text `wanted`; None if it is null."""
    return None if document is None else contains(json.loads(document), json.loads(wanted))


def contains(document: Any, wanted: Any) -> bool:
    """Whether a value contains another: an object its members, a list its elements."""
    if isinstance(wanted, dict):
        return isinstance(document, dict) and all(
            name in document and contains(document[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(document, list) and all(
            any(contains(element, value) for element in _check_time(document)) for value in wanted
        )
    # In Python, true equals 1. In JSON, it does not.
    return isinstance(document, bool) == isinstance(wanted, bool) and bool(document == wanted)


def _check_time(elements: list[Any]) -> list[Any]:
    """Return the elements, or raise at the time limit. SQLite cannot interrupt a long list."""
    check_time_limit()
    return elements
