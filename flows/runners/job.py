"""What every runner is asked for, and what it answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

from order_factory.tasks.batches.chunking import even_size
from order_factory.tasks.copy_orders import BatchReport

# What a part of a batch came to: its report, or the exception that it ended with.
Outcome = BatchReport | BaseException


@dataclass(frozen=True)
class Parts:
    """How many parts to copy in, how many orders make each, and the number of the first."""

    count: int
    size: int
    first: int = 1


# Copies in these parts, and gives their outcomes as they come in.
CopyParts = Callable[[Parts], Iterator[Outcome]]


@dataclass(frozen=True)
class Job:
    """A recorded batch, how many of its orders make a part at most, and how many run at a time.

    Other processes find the batch by its reference: its key would name another batch in another
    database, if they were pointed at one by mistake.
    """

    batch_id: int
    reference: str
    size: int
    at_once: int

    def parts(self, left: int, first: int = 1) -> Parts:
        """Parts of one size for so many orders, with work for all that run at a time to the end."""
        size = even_size(left, self.size, self.at_once)
        return Parts(ceil(left / size), size, first)
