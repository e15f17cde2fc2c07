"""What a copy makes of the gift card that has paid for its source order."""

from enum import StrEnum


class GiftCardPolicy(StrEnum):
    """`reuse`: the card pays what it has left, and at most what it paid for the source order.

    `drop`: the copy is made without it. `fail`: the copy fails where the card does not pay as much
    as for the source order.
    """

    REUSE = "reuse"
    DROP = "drop"
    FAIL = "fail"
