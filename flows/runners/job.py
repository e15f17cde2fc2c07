"""What every runner is asked for, and what it answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tasks.copy_batch import BatchReport

# What a part of a batch came to: its report, or the exception that it ended with.
Outcome = BatchReport | BaseException
# Copies in so many parts, and gives their outcomes as they come in.
CopyParts = Callable[[int], Iterator[Outcome]]


@dataclass(frozen=True)
class Job:
    """A recorded batch, how many of its orders make a part, and how many parts run at a time.

    Other processes find the batch by its reference: its key would name another batch in another
    database, if they were pointed at one by mistake.
    """

    batch_id: int
    reference: str
    size: int
    at_once: int
