"""The classes of refused payments. The next try needs time, another card, or the customer."""

from enum import StrEnum


class FailureClass(StrEnum):
    """`soft` may pass with time. `hard` will not. `needs_customer` waits for the customer."""

    SOFT = "soft"
    HARD = "hard"
    NEEDS_CUSTOMER = "needs_customer"


# Codes of the gateways. Source: Stripe's decline codes and error codes.
_CODES = {
    FailureClass.HARD: (
        "account_closed",
        "card_not_supported",
        "currency_not_supported",
        "expired_card",
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "lost_card",
        "new_account_information_available",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "stop_payment_order",
        "payment_method_missing",
    ),
    FailureClass.NEEDS_CUSTOMER: (
        "authentication_not_handled",
        "authentication_required",
        "mobile_device_authentication_required",
        "offline_pin_required",
        "online_or_offline_pin_required",
        "requires_action",
    ),
}


def list_codes(kind: FailureClass) -> tuple[str, ...]:
    """Return the gateways' error codes of this class. None for `soft`, the class of all others."""
    return _CODES.get(kind, ())
