"""The policies of copies for gift cards that paid for the source order."""

from enum import StrEnum


class GiftCardPolicy(StrEnum):
    """How a copy treats the gift cards of its source order.

    `drop`: the copy is made without them, and an error says how much is left to pay. `fail`: the
    copy fails.
    """

    REUSE = "reuse"
    DROP = "drop"
    FAIL = "fail"
