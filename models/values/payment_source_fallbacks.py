"""The choice of another payment source if the saved one cannot be used."""

from enum import StrEnum


class PaymentSourceFallback(StrEnum):
    """`default`: the shop's setting decides. `off`: no other source pays; the copy is not placed.

    `newest_valid`: another payment source of the wallet pays, with the same gateway. It is the
    customer's default if that is valid, and otherwise the newest valid one.
    """

    DEFAULT = "default"
    OFF = "off"
    NEWEST_VALID = "newest_valid"
