"""The choice of another payment source if the saved one can no longer be used."""

from enum import StrEnum


class PaymentSourceFallback(StrEnum):
    """`default`: as the shop's setting says. `off`: nothing does, and the copy is not placed.

    `newest_valid`: another payment source of the customer's wallet, of the same gateway: the
    customer's default if that is valid, and otherwise the newest valid one.
    """

    DEFAULT = "default"
    OFF = "off"
    NEWEST_VALID = "newest_valid"
