"""How a copy treats the stock of the SKUs that it orders."""

from enum import StrEnum


class StockPolicy(StrEnum):
    """How stock is treated.

    `take` copies only SKUs with enough stock, and placing takes it. `partial` copies as many pieces
    as are left. `ignore` neither checks nor takes stock.
    """

    TAKE = "take"
    PARTIAL = "partial"
    IGNORE = "ignore"
