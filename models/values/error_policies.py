"""The error policies of batches."""

from enum import StrEnum


class ErrorPolicy(StrEnum):
    """How a batch treats orders with errors.

    `reject_failed` copies the valid orders, and the others fail. `skip_errors` copies the valid
    parts of an invalid order too. `reject_everything` copies nothing if one order has an error.
    """

    REJECT_FAILED = "reject_failed"
    SKIP_ERRORS = "skip_errors"
    REJECT_EVERYTHING = "reject_everything"
