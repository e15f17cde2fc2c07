"""Suggest orders for numbers or ids that are unknown."""

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, and_, or_, select

from order_factory.models.tables import Order
from order_factory.models.values.keys import clean_key
from order_factory.models.values.public_ids import Resource, parse_public_id, public_id
from order_factory.models.values.statuses import Mode

# The most numbers to look up. A file with more unknown numbers has another fault than a few typing
# errors.
_LOOKED_UP = 100
_MOST_ZEROS = 10
_DECIMAL = re.compile(r"(\d+)\.0+")


def find_similar_orders(db: Connection, unknown: Sequence[str], mode: Mode) -> dict[str, str]:
    """Return a hint for each unknown name that is similar to the number of an order of this mode.

    Similar means: without the leading zeros that a spreadsheet removed, without the `.0` that it
    added, with or without `#`, or in another letter case.
    """
    candidates = {name: _candidates(name) for name in unknown[:_LOOKED_UP]}
    numbers_to_find = {number for numbers in candidates.values() for number in numbers}
    if not numbers_to_find:
        return {}
    query = select(Order.number).where(Order.number.in_(numbers_to_find), Order.mode == mode)
    existing = set(db.scalars(query))
    return {
        name: f"did you mean {next(each for each in numbers if each in existing)!r}?"
        for name, numbers in candidates.items()
        if not existing.isdisjoint(numbers)
    }


def find_hints(db: Connection, unknown: Sequence[str], mode: Mode) -> dict[str, str]:
    """Return a hint for each unknown name that is an order of the other mode, or is similar to one.

    Similar names differ in leading zeros, which spreadsheets remove, in a final `.0`, which they
    add, in `#`, or in the letter case.
    """
    return find_similar_orders(db, unknown, mode) | _of_other_mode(db, unknown[:_LOOKED_UP], mode)


def _of_other_mode(db: Connection, names: Sequence[str], mode: Mode) -> dict[str, str]:
    other = Mode.LIVE if mode == Mode.TEST else Mode.TEST
    keys = [
        key
        for name in names
        if (key := parse_public_id(Resource.orders, clean_key(name))) is not None
    ]
    numbers = [clean_key(name) for name in names]
    query = select(Order.id, Order.number).where(
        and_(Order.mode == other, or_(Order.number.in_(numbers), Order.id.in_(keys)))
    )
    similar = {
        name
        for key, number in db.execute(query)
        for name in (number, public_id(Resource.orders, key))
    }
    return {
        name: f"there is a {other} order: use --mode {other}"
        for name in names
        if clean_key(name) in similar
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
