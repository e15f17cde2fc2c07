"""Public ids: the short opaque strings that people and clients see instead of row keys."""

from enum import IntEnum
from functools import lru_cache

from sqids import Sqids


class Resource(IntEnum):
    """The number that tells resources apart inside a public id; never renumber one."""

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


class _QuickSqids(Sqids):
    """The same ids, three times as fast: a report has two per row.

    There are but a few hundred alphabets to shuffle, over and over; each is shuffled once. The
    name is a private one of the library, hence the tight version range; tests compare the ids.
    """

    _Sqids__shuffle = lru_cache(maxsize=4_096)(getattr(Sqids, "_Sqids__shuffle"))  # noqa: B009


# Letters only, so that no public id is ever taken for an order number made of digits; and no
# vowels, so that none spells a word.
_ALPHABET = "nNtlFWRxkrXDfBHJvbhQTyczCGwdgmsjYMVpqPZLSK"
_MIN_LENGTH = 10
_SQIDS = _QuickSqids(alphabet=_ALPHABET, min_length=_MIN_LENGTH)


def public_id(resource: Resource, key: int) -> str:
    """The public id of the row with this key: at least ten letters, the same for ever."""
    return _SQIDS.encode([resource, key])


def key_of(resource: Resource, text: str) -> int | None:
    """The row key behind a public id, or None where the text is no id of that resource."""
    if not text.isascii() or len(text) > 40:
        return None
    numbers = _SQIDS.decode(text)
    if len(numbers) != 2 or numbers[0] != resource or numbers[1] >= 2**63:
        return None
    return numbers[1] if _SQIDS.encode(numbers) == text else None
