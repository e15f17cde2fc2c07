"""What a copy does about the gift cards that paid for its source order."""

from enum import StrEnum


class GiftCardPolicy(StrEnum):
    """How gift cards of the source order are treated.

    `drop`: the copy is made without them, and an error says how much is left to pay. `fail`: the
    copy fails.
    """

    REUSE = "reuse"
    DROP = "drop"
    FAIL = "fail"
