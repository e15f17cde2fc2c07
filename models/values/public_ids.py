"""Public ids: the short opaque strings that people and clients see instead of row keys."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import overload

from sqids import Sqids


class Resource(IntEnum):
    """The number of each resource inside a public id. Never renumber one."""

    orders = 1
    line_items = 2
    line_item_options = 3
    addresses = 4
    customers = 5
    customer_payment_sources = 6
    payment_sources = 7
    payment_methods = 8
    skus = 9
    stock_items = 10
    order_factories = 11
    order_factory_batches = 12
    events = 13
    order_subscriptions = 14
    order_subscription_items = 15
    transactions = 17
    stock_reservations = 18
    promotions = 21
    coupons = 22
    sku_lists = 23
    sku_list_items = 24
    prices = 25
    gift_cards = 26
    webhooks = 27
    event_callbacks = 28
    gift_card_uses = 29
    bundles = 31
    bundle_items = 32
    exports = 33
    imports = 34


class _QuickSqids(Sqids):
    """It makes the same ids as the library, three times as fast.

    The library shuffles the same few hundred alphabets again and again. Here each is shuffled once.
    The overridden name is private to the library, so the version range is narrow, and tests compare
    the ids.
    """

    _Sqids__shuffle = lru_cache(maxsize=4_096)(getattr(Sqids, "_Sqids__shuffle"))  # noqa: B009


# Letters only, so that a public id never looks like an order number of digits. No vowels, so that
# no id spells a word.
_ALPHABET = "nNtlFWRxkrXDfBHJvbhQTyczCGwdgmsjYMVpqPZLSK"
_MIN_LENGTH = 10
_BASE = len(_ALPHABET) - 1  # a letter of each alphabet separates the numbers
_SQIDS = _QuickSqids(alphabet=_ALPHABET, min_length=_MIN_LENGTH)


def public_id(resource: Resource, key: int) -> str:
    """Return the public id of the row with this key: at least ten letters, always the same."""
    return _SQIDS.encode([resource, key])


@lru_cache(maxsize=16_384)
def parse_public_id(resource: Resource, text: str) -> int | None:
    """Return the row key of a public id, or None if the text is not an id of that resource."""
    if not text.isascii() or len(text) > 40:
        return None
    numbers = _SQIDS.decode(text)
    if len(numbers) != 2 or numbers[0] != resource or numbers[1] >= 2**63:
        return None
    return numbers[1] if _SQIDS.encode(numbers) == text else None


@lru_cache
def _find_surroundings(resource: Resource) -> list[tuple[str, str, str]]:
    """Return for each remainder: the text before the key, the letters for its digits, the filling.

    An id consists of a letter, the number of the resource, a separator, the key and a filling. All
    but the key depends on the key's remainder alone. So it is taken from ids of the library.
    """
    surroundings = []
    for remainder in range(len(_ALPHABET)):
        letters: dict[int, str] = {}
        for start in (0, 10, 20, 30, 31):
            ten_digits = range(start, start + 10)
            key = sum(digit * _BASE**place for place, digit in enumerate(ten_digits))
            # _BASE**10 has the remainder 1.
            key += (remainder - key) % len(_ALPHABET) * _BASE**10
            letters |= zip(ten_digits, reversed(public_id(resource, key)), strict=False)
        first = public_id(resource, remainder)
        end = 4 + (remainder >= _BASE)
        surroundings.append((first[:3], "".join(letters[n] for n in range(_BASE)), first[end:]))
    return surroundings


@lru_cache(maxsize=4_096)
def _find_frame(resource: Resource, remainder: int, first_digits: int) -> tuple[str, str, str]:
    """Return what ids share whose keys differ in the last two digits only.

    That is the text before these digits, the letters for them, and the text after them.
    """
    before, letters, filling = _find_surroundings(resource)[remainder]
    digits = ""
    while first_digits:
        first_digits, digit = divmod(first_digits, _BASE)
        digits = letters[digit] + digits
    before += digits
    return before, letters, filling[: max(0, _MIN_LENGTH - len(before) - 2)]


@overload
def public_ids(resource: Resource, keys: Iterable[int]) -> list[str]: ...


@overload
def public_ids(resource: Resource, keys: Iterable[int | None]) -> list[str | None]: ...


def public_ids(resource: Resource, keys: Iterable[int | None]) -> Sequence[str | None]:
    """Return the public id of each key. None stays None.

    It takes a twentieth of the time of `public_id`. A report has two ids per row, which were half
    of its time.
    """
    surroundings = _find_surroundings(resource)
    ids: list[str | None] = []
    frames: dict[tuple[int, int], tuple[str, str, str]] = {}
    for key in keys:
        if key is None:
            ids.append(None)
            continue
        first_digits, digits = divmod(key, _BASE**2)
        if not first_digits:  # no leading zeros
            before, letters, after = surroundings[key % len(_ALPHABET)]
            first = letters[digits // _BASE] if digits >= _BASE else ""
            text = before + first + letters[digits % _BASE]
            ids.append(text + after[: _MIN_LENGTH - len(text)])
            continue
        place = key % len(_ALPHABET), first_digits
        frame = frames.get(place)
        if frame is None:
            frame = frames[place] = _find_frame(resource, *place)
        before, letters, after = frame
        ids.append(before + letters[digits // _BASE] + letters[digits % _BASE] + after)
    return ids
