"""Whether one JSON value contains another, as PostgreSQL's `@>` tells it; SQLite has no such."""

import json
from typing import Any

from order_factory.models.database.time_limits import check_time_limit


def json_contains(held: str | None, wanted: str) -> bool | None:
    """Whether the JSON text `held` contains the JSON text `wanted`; None where nothing is held."""
    return None if held is None else contains(json.loads(held), json.loads(wanted))


def contains(held: Any, wanted: Any) -> bool:
    """An object contains what has some of its members, a list what has some of its elements."""
    if isinstance(wanted, dict):
        return isinstance(held, dict) and all(
            name in held and contains(held[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(held, list) and all(
            any(contains(element, value) for element in _timed(held)) for value in wanted
        )
    # To Python true is 1, to JSON it is not.
    return isinstance(held, bool) == isinstance(wanted, bool) and bool(held == wanted)


def _timed(elements: list[Any]) -> list[Any]:
    """The elements, unless the time is over: long lists take longer than SQLite would notice."""
    check_time_limit()
    return elements
