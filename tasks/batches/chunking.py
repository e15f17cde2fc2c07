"""The sizes of the parts of a batch. A dry run has the same parts as the real run."""

from math import ceil

# The most orders in one transaction by default.
BATCH_SIZE = 10_000

# The fewest orders per transaction for which one more thread or process is worth its cost.
MIN_PARALLEL_SIZE = 1_000


def compute_even_size(orders: int, most: int, at_once: int = 1) -> int:
    """Return the number of orders per part, at most `most`, for parts of about the same size.

    `at_once` parts run at the same time. The size gives all of them work in the last round too.
    """
    rounds = ceil(orders / (most * at_once))
    return ceil(orders / (rounds * at_once))
