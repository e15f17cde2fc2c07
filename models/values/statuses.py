"""The allowed values of statuses and types, as the public API reference names them."""

from enum import StrEnum


class Mode(StrEnum):
    TEST = "test"
    LIVE = "live"


class OrderStatus(StrEnum):
    DRAFT = "draft"
    PENDING = "pending"
    EDITING = "editing"
    PLACING = "placing"
    PLACED = "placed"
    APPROVED = "approved"
    CANCELLED = "cancelled"


# An order whose lines may still change.
EDITABLE = (OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.EDITING)


class PaymentStatus(StrEnum):
    UNPAID = "unpaid"
    AUTHORIZED = "authorized"
    PARTIALLY_AUTHORIZED = "partially_authorized"
    PAID = "paid"
    PARTIALLY_PAID = "partially_paid"
    VOIDED = "voided"
    PARTIALLY_VOIDED = "partially_voided"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"
    FREE = "free"


class FulfillmentStatus(StrEnum):
    UNFULFILLED = "unfulfilled"
    IN_PROGRESS = "in_progress"
    FULFILLED = "fulfilled"
    NOT_REQUIRED = "not_required"


class CustomerStatus(StrEnum):
    """`blocked` and `deleted` are ours: no order is copied for such a customer."""

    PROSPECT = "prospect"
    ACQUIRED = "acquired"
    REPEAT = "repeat"
    BLOCKED = "blocked"
    DELETED = "deleted"


class FactoryType(StrEnum):
    ORDER_COPIES = "order_copies"
    RECURRING_ORDER_COPIES = "recurring_order_copies"


class FactoryStatus(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    ABORTED = "aborted"
    FAILED = "failed"
    COMPLETED = "completed"


class BatchStatus(StrEnum):
    """A batch has `failed` if its file cannot be used. A batch whose copies fail is completed."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    ABORTED = "aborted"
    FAILED = "failed"
    COMPLETED = "completed"


class TransferStatus(StrEnum):
    """The status of an export or import. Source: Commerce Layer API reference."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    INTERRUPTED = "interrupted"
    COMPLETED = "completed"


class SubscriptionStatus(StrEnum):
    DRAFT = "draft"
    INACTIVE = "inactive"
    ACTIVE = "active"
    RUNNING = "running"
    CANCELLED = "cancelled"


class CatchUp(StrEnum):
    """How many of the missed periods are copied later. Our own."""

    ONE = "one"
    ALL = "all"
    NONE = "none"


class AfterFailure(StrEnum):
    """What happens to a subscription after a copy has failed and is not retried. Our own."""

    KEEP = "keep"
    DEACTIVATE = "deactivate"


class WhileOpen(StrEnum):
    """What happens to a period that is due while the copy before is unfinished. Our own."""

    COPY = "copy"
    WAIT = "wait"


class ItemType(StrEnum):
    SKUS = "skus"
    BUNDLES = "bundles"
    GIFT_CARDS = "gift_cards"
    SHIPMENTS = "shipments"
    PAYMENT_METHODS = "payment_methods"
    ADJUSTMENTS = "adjustments"
    DISCOUNT_ENGINE_ITEMS = "discount_engine_items"
    PERCENTAGE_DISCOUNT_PROMOTIONS = "percentage_discount_promotions"
    FREE_SHIPPING_PROMOTIONS = "free_shipping_promotions"
    BUY_X_PAY_Y_PROMOTIONS = "buy_x_pay_y_promotions"
    FREE_GIFT_PROMOTIONS = "free_gift_promotions"
    FIXED_PRICE_PROMOTIONS = "fixed_price_promotions"
    EXTERNAL_PROMOTIONS = "external_promotions"
    FIXED_AMOUNT_PROMOTIONS = "fixed_amount_promotions"
    FLEX_PROMOTIONS = "flex_promotions"


# The types of lines that a customer buys, and of lines that may have to be shipped.
PURCHASABLE = (ItemType.SKUS, ItemType.BUNDLES, ItemType.GIFT_CARDS)
SHIPPABLE = (ItemType.SKUS, ItemType.BUNDLES)
PROMOTIONS = tuple(kind for kind in ItemType if kind.endswith("promotions"))
DISCOUNTS = (ItemType.DISCOUNT_ENGINE_ITEMS, *PROMOTIONS)
