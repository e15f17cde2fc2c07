"""Values of an exported order that are not amounts: statuses, times, names, yes and no."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from order_factory.models.requests.platform_formats import PlatformFormat, ValueOf
from order_factory.tasks.imports.platforms.mappings import zone_of
from order_factory.tasks.imports.platforms.order_rows import first_of, text_of

_ZONE = re.compile(r"\d:\d\d(:\d\d)?(\.\d+)? ?([+-]\d\d:?\d\d|Z|UTC|GMT)$", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"^(\d{4})/(\d{1,2})/(\d{1,2})(?!\d)")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_HARMLESS = re.compile(r"[^\W\d]+([ _-][^\W\d]+){0,3}")
_NO = frozenset({"false", "no", "n", "0", "0.0"})


class ValueProblem(ValueError):
    """A value that cannot be used; the message follows the name of its column."""


def meaning_of(values: dict[str, Any], value: ValueOf | None) -> str | None:
    """The value, or what the mapping's `values` says that it means.

    Raises `ValueProblem` for a value that they do not know.
    """
    found = text_of(values, value)
    if value is None or value.values is None or found is None:
        return found
    known = {_word(each): meaning for each, meaning in value.values.items()}
    meaning = known.get(_word(found), value.otherwise)
    if meaning is None:
        shown = f"is {found!r}, which" if _HARMLESS.fullmatch(found[:60]) else "has a value that"
        raise ValueProblem(
            f"{shown} the mapping does not know; copy the mapping and add it to the values"
        )
    return meaning


@lru_cache(1024)
def _word(text: str) -> str:
    """`wc-on-hold`, `On hold` and `on_hold` are the same word."""
    return _BETWEEN_WORDS.sub("_", text.strip().casefold()).removeprefix("wc_")


def time_of(form: PlatformFormat, values: dict[str, Any], value: ValueOf | None) -> Any:
    """The time as the import of orders takes it. Raises `ValueProblem` for what is no time."""
    if value is None:
        return None
    found = first_of(values, value.column) if value.column else value.value
    if isinstance(found, str):
        if _ZONE.search(found.strip()):
            return found
        found = _parse(form, found.strip())
    if not isinstance(found, datetime) or found.tzinfo is not None:
        return found
    zone = zone_of(form)
    if zone is None:
        raise ValueProblem(
            "has no time zone; export it with one, or write time_zone in a mapping of your own"
        )
    return found.replace(tzinfo=zone)


def _parse(form: PlatformFormat, text: str) -> datetime:
    try:
        return datetime.fromisoformat(_YEAR_FIRST.sub(_with_dashes, text))
    except ValueError:
        pass
    for known in form.time_formats:
        try:
            return datetime.strptime(text, known)  # noqa: DTZ007 - the zone comes from the mapping
        except ValueError:
            continue
    raise ValueProblem(
        "is no time like 2026-01-15 12:00:00 +0100; export it so, or add its format to "
        "time_formats in a mapping of your own"
    )


def _with_dashes(found: re.Match[str]) -> str:
    return f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}"


def divide_name(full: str | None) -> tuple[str | None, str | None]:
    """The first and the last name; all but the last word are first names."""
    if full is None:
        return None, None
    first, _, last = " ".join(full.split()).rpartition(" ")
    return first or None, last


def is_no(text: str | None) -> bool:
    return text is not None and text.casefold() in _NO
