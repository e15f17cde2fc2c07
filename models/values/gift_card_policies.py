"""What a copy makes of the gift cards that have paid for its source order."""

from enum import StrEnum


class GiftCardPolicy(StrEnum):
    """`drop`: the copy is made without them, and says what is left to pay. `fail`: it fails."""

    DROP = "drop"
    FAIL = "fail"
