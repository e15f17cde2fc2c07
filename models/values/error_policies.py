"""What the errors of some orders mean for the others of their batch."""

from enum import StrEnum


class ErrorPolicy(StrEnum):
    """`reject_failed` copies the valid orders, and the others fail. `skip_errors` copies the valid
    parts of an invalid order too. `reject_everything` copies nothing where one order has an error.
    """

    REJECT_FAILED = "reject_failed"
    SKIP_ERRORS = "skip_errors"
    REJECT_EVERYTHING = "reject_everything"
