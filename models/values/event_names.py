"""The names of events: what is recorded of an order factory, and what is published to Prefect."""

from enum import StrEnum
from typing import Self


class EventName(StrEnum):
    """What happened; `meaning` says it to people. `MORE` and the batches' are Prefect's alone."""

    meaning: str

    CREATE = "order_factories.create", "A copy was asked for and is pending."
    START = "order_factories.start", "The copy began."
    COMPLETE = "order_factories.complete", "The copy is made, and placed if that was asked for."
    FAIL = "order_factories.fail", "The copy was not made, or not placed; errors_log says why."
    ABORT = "order_factories.abort", "The copy was ended on purpose before it was made."
    MORE = "order_factories.more", "That many more copies ended, each without an event of its own."
    BATCH_COMPLETE = "order_factory_batches.complete", "All copies of a batch were made."
    BATCH_FAIL = "order_factory_batches.fail", "A copy of a batch failed or was left unfinished."
    BATCH_ABORT = "order_factory_batches.abort", "A batch was stopped on purpose."

    def __new__(cls, value: str, meaning: str) -> Self:
        name = str.__new__(cls, value)
        name._value_ = value
        name.meaning = meaning
        return name
