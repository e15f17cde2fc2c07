"""Pages of a list: their numbers and sizes, as in the public reference."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from order_factory.api.errors import wrong_parameter

DEFAULT_SIZE = 10
MOST_SIZE = 25
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Page:
    """One page of a list; the first is 1."""

    number: int = 1
    size: int = DEFAULT_SIZE

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def parse_page(given: Mapping[str, str]) -> Page:
    """Return the page of `page[number]` and `page[size]`. Raises `ApiError` (400)."""
    number = _parse_number("number", given.get("number", "1"), "must be an integer of 1 or more")
    rule = f"must be an integer from 1 to {MOST_SIZE}"
    size = _parse_number("size", given.get("size", str(DEFAULT_SIZE)), rule, most=MOST_SIZE)
    return Page(number, size)


def _parse_number(name: str, value: str, rule: str, most: int = 10**9) -> int:
    if _NUMBER.fullmatch(value) and 1 <= int(value) <= most:
        return int(value)
    parameter = f"page[{name}]"
    detail = f"{parameter} {rule}."
    raise wrong_parameter("INVALID_PAGE_VALUE", parameter, "Invalid page value", detail)
