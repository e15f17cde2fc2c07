"""The policies of copies for the stock of their SKUs."""

from enum import StrEnum


class StockPolicy(StrEnum):
    """How a copy treats the stock of its SKUs.

    `take` copies only SKUs with enough stock, and placing takes it. `partial` copies as many pieces
    as are left. `ignore` neither checks nor takes stock.
    """

    TAKE = "take"
    PARTIAL = "partial"
    IGNORE = "ignore"
