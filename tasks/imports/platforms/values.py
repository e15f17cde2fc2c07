"""Values of an exported order other than amounts: statuses, times, names, yes and no."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from order_factory.models.requests.platform_formats import PlatformFormat, ValueOf
from order_factory.tasks.imports.platforms.mappings import get_time_zone
from order_factory.tasks.imports.platforms.order_rows import read_first_value, read_mapped_text

_ZONE = re.compile(r"\d:\d\d(:\d\d)?(\.\d+)? ?([+-]\d\d:?\d\d|Z|UTC|GMT)$", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"^(\d{4})/(\d{1,2})/(\d{1,2})(?!\d)")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_QUOTABLE = re.compile(r"[^\W\d]+([ _-][^\W\d]+){0,3}")
_NO = frozenset({"false", "no", "n", "0", "0.0"})


class ValueProblem(ValueError):
    """A value that cannot be used; the message follows the name of its column."""


def translate_value(values: dict[str, Any], value: ValueOf | None) -> str | None:
    """Return the value, translated by the mapping's `values`.

    Raises `ValueProblem` for a value that is not in them.
    """
    text_found = read_mapped_text(values, value)
    if value is None or value.values is None or text_found is None:
        return text_found
    pattern = {_word(each): meaning for each, meaning in value.values.items()}
    meaning = pattern.get(_word(text_found), value.otherwise)
    if meaning is None:
        subject = (
            f"is {text_found!r}, which"
            if _QUOTABLE.fullmatch(text_found[:60])
            else "has a value that"
        )
        raise ValueProblem(
            f"{subject} the mapping does not know; copy the mapping and add it to the values"
        )
    return meaning


@lru_cache(1024)
def _word(text: str) -> str:
    """Return a comparable form: `wc-on-hold`, `On hold` and `on_hold` are equal."""
    return _BETWEEN_WORDS.sub("_", text.strip().casefold()).removeprefix("wc_")


def read_time(form: PlatformFormat, values: dict[str, Any], value: ValueOf | None) -> Any:
    """Return the time for the import of orders. Raises `ValueProblem` for any other text."""
    if value is None:
        return None
    text_found = read_first_value(values, value.column) if value.column else value.value
    if isinstance(text_found, str):
        if _ZONE.search(text_found.strip()):
            return text_found
        text_found = _parse(form, text_found.strip())
    if not isinstance(text_found, datetime) or text_found.tzinfo is not None:
        return text_found
    zone = get_time_zone(form)
    if zone is None:
        raise ValueProblem(
            "has no time zone; export it with one, or write time_zone in a mapping of your own"
        )
    return text_found.replace(tzinfo=zone)


def _parse(form: PlatformFormat, text: str) -> datetime:
    try:
        return datetime.fromisoformat(_YEAR_FIRST.sub(_with_dashes, text))
    except ValueError:
        pass
    for pattern in form.time_formats:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes from the mapping
        except ValueError:
            continue
    raise ValueProblem(
        "is not a time like 2026-01-15 12:00:00 +0100; export it so, or add its format to "
        "time_formats in a mapping of your own"
    )


def _with_dashes(text_found: re.Match[str]) -> str:
    return f"{text_found[1]}-{text_found[2]:0>2}-{text_found[3]:0>2}"


def divide_name(name: str | None) -> tuple[str | None, str | None]:
    """Split a full name: the last word is the last name, the others are first names."""
    if name is None:
        return None, None
    first, _, last = " ".join(name.split()).rpartition(" ")
    return first or None, last


def is_no(text: str | None) -> bool:
    return text is not None and text.casefold() in _NO
