"""What a copy has to do with the stock of what it orders."""

from enum import StrEnum


class StockPolicy(StrEnum):
    """`take` copies only what there is, and placing takes it. `ignore` neither asks nor takes."""

    TAKE = "take"
    IGNORE = "ignore"
