"""Suggest an order for an unknown number."""

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from order_factory.models.tables import Order
from order_factory.models.values.keys import clean_key

# The most numbers to look up. More unknown numbers are not typing errors.
_LOOKED_UP = 100
_MOST_ZEROS = 10
_DECIMAL = re.compile(r"(\d+)\.0+")


def similar_numbers(db: Connection, unknown: Sequence[str]) -> dict[str, str]:
    """Return a hint for each name that is similar to the number of an order.

    Similar means: without the leading zeros that a spreadsheet removed, without the `.0` that it
    added, with or without `#`, or in another letter case. The hint follows "no order has the number
    or id ...".
    """
    candidates = {name: _candidates(name) for name in unknown[:_LOOKED_UP]}
    numbers_to_find = {number for numbers in candidates.values() for number in numbers}
    if not numbers_to_find:
        return {}
    existing = set(
        db.scalars(select(Order.number).where(Order.number.in_(numbers_to_find)).distinct())
    )
    return {
        name: f"; did you mean {next(each for each in numbers if each in existing)!r}?"
        for name, numbers in candidates.items()
        if not existing.isdisjoint(numbers)
    }


def _candidates(name: str) -> list[str]:
    decimal = _DECIMAL.fullmatch(name)
    plain = decimal[1] if decimal else clean_key(name.removeprefix("#"))
    candidates = [plain, f"#{plain}", plain.upper(), plain.lower()]
    if plain.isdecimal():
        candidates += ["0" * zeros + plain for zeros in range(1, _MOST_ZEROS + 1)]
        candidates.append(plain.lstrip("0") or "0")
    return [each for each in _unique(candidates) if each != name]


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
