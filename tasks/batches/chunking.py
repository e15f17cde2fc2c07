"""How a batch is divided: one place, so that a rehearsal is divided as the real thing."""

from math import ceil

# How many orders make a transaction at most, unless someone says otherwise.
BATCH_SIZE = 10_000

# So many orders in one transaction are worth a thread or a process beside it.
LARGE = 1_000


def even_size(orders: int, most: int, at_once: int = 1) -> int:
    """How many orders make a part, `most` at the most, so that all parts are of one size.

    As many parts as run `at_once` begin each round, and the last round has work for all of them.
    """
    rounds = ceil(orders / (most * at_once))
    return ceil(orders / (rounds * at_once))
