"""How a batch is divided into parts. A dry run is divided like the real run."""

from math import ceil

# The most orders in one transaction by default.
BATCH_SIZE = 10_000

# The fewest orders in one transaction that are worth a further thread or process.
LARGE = 1_000


def compute_even_size(orders: int, most: int, at_once: int = 1) -> int:
    """Return the number of orders per part, at most `most`, so that all parts have the same size.

    `at_once` parts run at the same time, and the last round has work for all of them.
    """
    rounds = ceil(orders / (most * at_once))
    return ceil(orders / (rounds * at_once))
