"""The job and the parts that every runner gets, and the outcomes that it returns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

from order_factory.tasks.batches.chunking import compute_even_size
from order_factory.tasks.copy_orders import BatchReport

# The outcome of one part of a batch: its report, or the exception that ended it.
Outcome = BatchReport | BaseException


@dataclass(frozen=True)
class Parts:
    """The number of parts, the orders in each, and the number of the first part."""

    count: int
    size: int
    first: int = 1


# Copies these parts, and yields each outcome when the part ends.
CopyParts = Callable[[Parts], Iterator[Outcome]]


@dataclass(frozen=True)
class Job:
    """A recorded batch, the largest size of a part, and how many parts run at the same time.

    Other processes find the batch by its reference. With its key, a process that uses another
    database by mistake would find another batch.
    """

    batch_id: int
    reference: str
    size: int
    at_once: int

    def parts(self, left: int, first: int = 1) -> Parts:
        """Parts of equal size for the orders that are left: then all workers end together."""
        size = compute_even_size(left, self.size, self.at_once)
        return Parts(ceil(left / size), size, first)
