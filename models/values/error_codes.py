"""The codes of the errors that an order can have: `code` of the rows in `copy_errors`."""

from enum import StrEnum
from typing import Self


class ErrorCode(StrEnum):
    """The kind of an error, for programs. The messages are for people and may change.

    A member consists of its code, its key in `errors_log` and its meaning. `UNEXPECTED` has the key
    of the step that failed.
    """

    key: str
    meaning: str

    UNEXPECTED = ("unexpected", "", "An unexpected error; the copy can be retried.")
    SOURCE_ORDER_PLACING = (
        "source_order_placing",
        "source_order",
        "The source order is being placed.",
    )
    SOURCE_ORDER_EDITING = (
        "source_order_editing",
        "source_order",
        "The source order is being edited.",
    )
    SOURCE_ORDER_DRAFT = (
        "source_order_draft",
        "source_order",
        "The source order was never placed.",
    )
    SOURCE_ORDER_CANCELLED = (
        "source_order_cancelled",
        "source_order",
        "The source order is cancelled.",
    )
    SOURCE_ORDER_NOT_CANCELLED = (
        "source_order_not_cancelled",
        "source_order",
        "The target order replaces the source order, which could not be cancelled.",
    )
    AMOUNTS_DIFFER = (
        "amounts_differ",
        "amounts",
        "An amount of the order is not the sum of its lines.",
    )
    CUSTOMER_MISSING = ("customer_missing", "customer", "The order has no customer and no email.")
    CUSTOMER_BLOCKED = ("customer_blocked", "customer", "The customer is blocked.")
    CUSTOMER_DELETED = ("customer_deleted", "customer", "The customer is deleted.")
    BILLING_ADDRESS_MISSING = (
        "billing_address_missing",
        "billing_address",
        "The order has no billing address.",
    )
    SHIPPING_ADDRESS_MISSING = (
        "shipping_address_missing",
        "shipping_address",
        "The order has lines to ship and no shipping address.",
    )
    SHIPPING_ADDRESS_OUTSIDE_LOCK = (
        "shipping_address_outside_lock",
        "shipping_address",
        "The shipping address is outside the country that the order is locked to.",
    )
    LINE_ITEMS_MISSING = ("line_items_missing", "line_items", "The order has no line item.")
    LINE_ITEMS_NONE_LEFT = ("line_items_none_left", "line_items", "No line item is left to copy.")
    QUANTITY_BELOW_ONE = ("quantity_below_one", "line_items", "The quantity of a line is below 1.")
    SKU_NOT_IN_CATALOGUE = (
        "sku_not_in_catalogue",
        "line_items",
        "The SKU is no longer in the catalogue.",
    )
    SKU_NOT_PURCHASABLE = ("sku_not_purchasable", "line_items", "The SKU is not purchasable.")
    SKU_WITHOUT_PRICE = (
        "sku_without_price",
        "line_items",
        "The SKU has no price in the order's currency.",
    )
    NOT_ENOUGH_STOCK = (
        "not_enough_stock",
        "line_items",
        "The order needs more pieces of a SKU than are in stock.",
    )
    QUANTITY_REDUCED = (
        "quantity_reduced",
        "line_items",
        "The copy has fewer pieces of a SKU than its source order, because no more are in stock.",
    )
    QUANTITY_OF_NO_LINE = (
        "quantity_of_no_line",
        "quantities",
        "The copy is to have another quantity of a SKU that the source order does not have.",
    )
    QUANTITY_OF_SEVERAL_LINES = (
        "quantity_of_several_lines",
        "quantities",
        "The copy is to have another quantity of a SKU that is on several lines.",
    )
    TARGET_CUSTOMER_UNKNOWN = (
        "target_customer_unknown",
        "target_customer",
        "The shop does not have the customer that the copy is to have.",
    )
    TARGET_CUSTOMER_OTHER_GIFT_CARD = (
        "target_customer_other_gift_card",
        "target_customer",
        "The copy is for another customer, and gift_cards is fail.",
    )
    TARGET_BILLING_ADDRESS_UNKNOWN = (
        "target_billing_address_unknown",
        "target_billing_address",
        "The shop does not have the billing address that the copy is to have.",
    )
    TARGET_SHIPPING_ADDRESS_UNKNOWN = (
        "target_shipping_address_unknown",
        "target_shipping_address",
        "The shop does not have the shipping address that the copy is to have.",
    )
    TARGET_CURRENCY_WITHOUT_PRICES = (
        "target_currency_without_prices",
        "target_currency",
        "The copy is to be in another currency, and refresh_prices is not set.",
    )
    MERGE_INTO_UNKNOWN = (
        "merge_into_unknown",
        "merge_into",
        "The shop does not have the order that the copy is to be merged into.",
    )
    MERGE_INTO_NOT_OPEN = (
        "merge_into_not_open",
        "merge_into",
        "The order that the copy is to be merged into is neither draft nor pending.",
    )
    MERGE_INTO_DIFFERS = (
        "merge_into_differs",
        "merge_into",
        "The order to merge into has another customer, market or currency than the copy.",
    )
    MERGE_INTO_TWICE = (
        "merge_into_twice",
        "merge_into",
        "The source order was merged into that order before.",
    )
    MERGE_INTO_WITH_OPTION = (
        "merge_into_with_option",
        "merge_into",
        "An option is set that only a copy that is a new order can have.",
    )
    LINE_ITEM_WITHOUT_PRICE = (
        "line_item_without_price",
        "line_items",
        "A line has no price in the currency that the copy is to have.",
    )
    LINE_ITEM_OTHER_CURRENCY = (
        "line_item_other_currency",
        "line_items",
        "A line has another currency than its order.",
    )
    TAX_RATE_NOT_A_SHARE = (
        "tax_rate_not_a_share",
        "tax_rate",
        "A tax rate is not between 0 and 1.",
    )
    GIFT_CARD_NOT_REDEEMED = (
        "gift_card_not_redeemed",
        "gift_card_code",
        "The gift card of the source order pays less for the copy, or nothing.",
    )
    GIFT_CARD_TOO_LITTLE = (
        "gift_card_too_little",
        "gift_card_code",
        "The gift card pays less than for the source order, and gift_cards is fail.",
    )
    COUPON_UNKNOWN = ("coupon_unknown", "coupon_code", "No coupon has the code.")
    COUPON_NOT_STARTED = ("coupon_not_started", "coupon_code", "The coupon is not valid yet.")
    COUPON_EXPIRED = ("coupon_expired", "coupon_code", "The coupon has expired.")
    COUPON_DISABLED = ("coupon_disabled", "coupon_code", "The coupon's promotion is disabled.")
    COUPON_OTHER_CURRENCY = (
        "coupon_other_currency",
        "coupon_code",
        "The coupon is for orders in another currency.",
    )
    COUPON_OTHER_CUSTOMER = (
        "coupon_other_customer",
        "coupon_code",
        "The coupon is for another customer.",
    )
    COUPON_USED_UP = ("coupon_used_up", "coupon_code", "The coupon is used up.")
    COUPON_USED_BY_CUSTOMER = (
        "coupon_used_by_customer",
        "coupon_code",
        "The customer has used the coupon before.",
    )
    COUPON_BELOW_MINIMUM = (
        "coupon_below_minimum",
        "coupon_code",
        "The goods are worth less than the coupon requires.",
    )
    COUPON_OTHER_SKUS = ("coupon_other_skus", "coupon_code", "The coupon is for other SKUs.")
    PROMOTION_USED_UP = ("promotion_used_up", "coupon_code", "A promotion of the order is used up.")
    PAYMENT_SOURCE_MISSING = (
        "payment_source_missing",
        "payment_source",
        "The order has no payment source.",
    )
    PAYMENT_SOURCE_EXPIRED = (
        "payment_source_expired",
        "payment_source",
        "The payment source has expired.",
    )
    PAYMENT_SOURCE_FOREIGN = (
        "payment_source_foreign",
        "payment_source",
        "The payment source belongs to another customer.",
    )
    PAYMENT_METHOD_DISABLED = (
        "payment_method_disabled",
        "payment_method",
        "The payment method is disabled.",
    )
    GATEWAY_NOT_SET_UP = (
        "gateway_not_set_up",
        "payment_source",
        "The payment gateway is not set up.",
    )
    PAYMENT_DECLINED = (
        "payment_declined",
        "payment_source",
        "The payment was declined; a retry may succeed.",
    )
    PAYMENT_REFUSED = ("payment_refused", "payment_source", "The payment was refused permanently.")
    PAYMENT_NEEDS_CUSTOMER = (
        "payment_needs_customer",
        "payment_source",
        "The customer has to confirm the payment.",
    )
    NOTHING_TO_BUY = ("nothing_to_buy", "line_items", "The order has no line that can be bought.")
    TOTAL_BELOW_ZERO = ("total_below_zero", "line_items", "The order's total is below zero.")
    CANNOT_BE_PLACED = (
        "cannot_be_placed",
        "status",
        "The target order was copied, but it cannot be placed.",
    )
    COULD_NOT_BE_PLACED = (
        "could_not_be_placed",
        "status",
        "The target order could not be placed, and its copy was rolled back.",
    )
    ORDER_SUBSCRIPTION_ENDED = (
        "order_subscription_ended",
        "order_subscription",
        "The subscription ended before the payment was decided.",
    )
    ORDER_SUBSCRIPTION_VOID_REFUSED = (
        "order_subscription_void_refused",
        "order_subscription",
        "The subscription ended, and the payment could not be voided.",
    )

    def __new__(cls, value: str, key: str = "", meaning: str = "") -> Self:
        code = str.__new__(cls, value)
        code._value_ = value
        code.key = key
        code.meaning = meaning
        return code
