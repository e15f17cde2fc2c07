"""The names of all events. The topics of webhooks are made from them."""

from enum import StrEnum
from typing import Self


class EventName(StrEnum):
    """The name of an event. `meaning` describes it for people."""

    meaning: str

    # Copies. In the HTTP API and the topics, they also have the names of the two kinds of copies.
    CREATE = "order_factories.create", "A copy was requested and is pending."
    START = "order_factories.start", "The copy began."
    COMPLETE = "order_factories.complete", "The copy is made, and placed if that was requested."
    FAIL = "order_factories.fail", "The copy was not made, or not placed; errors_log says why."
    ABORT = "order_factories.abort", "The copy was ended on purpose before it was made."
    RESUME = "order_factories.resume", "The aborted copy is pending again."
    WAIT = (
        "order_factories.wait",
        "The failed copy waits for another payment source, or for its customer to confirm.",
    )
    DESTROY = "order_factories.destroy", "The copy's record was deleted; its order stays."

    # Batches of copies.
    BATCH_CREATE = "order_factory_batches.create", "A batch was recorded."
    BATCH_START = "order_factory_batches.start", "The first copies of a batch began."
    BATCH_COMPLETE = "order_factory_batches.complete", "All copies of a batch have ended."
    BATCH_FAIL = (
        "order_factory_batches.fail",
        "A batch has ended and a copy of it failed, or its file cannot be used.",
    )
    BATCH_ABORT = "order_factory_batches.abort", "A batch was stopped on purpose."
    BATCH_RESUME = "order_factory_batches.resume", "A stopped batch continues."

    # Orders.
    ORDER_CREATE = "orders.create", "An order was created."
    ORDER_DRAFT = "orders.draft", "An order is a draft."
    ORDER_PENDING = "orders.pending", "An order is pending."
    ORDER_PLACE = "orders.place", "An order was placed."
    ORDER_APPROVE = "orders.approve", "An order was approved."
    ORDER_CANCEL = "orders.cancel", "An order was cancelled."
    ORDER_AUTHORIZE = "orders.authorize", "The payment of an order was authorized."
    ORDER_PAY = "orders.pay", "An order was paid."
    ORDER_VOID = "orders.void", "The authorized payment of an order was released."
    ORDER_REFUND = "orders.refund", "An order was refunded."

    # Payments.
    AUTHORIZATION_CREATE = "authorizations.create", "A gateway answered an authorization."
    CAPTURE_CREATE = "captures.create", "A gateway answered a capture."
    VOID_CREATE = "voids.create", "A gateway answered a void."
    REFUND_CREATE = "refunds.create", "A gateway answered a refund."

    # Customers.
    CUSTOMER_CREATE = "customers.create", "A customer was created."

    # Subscriptions.
    SUBSCRIPTION_CREATE = "order_subscriptions.create", "A subscription was created."
    SUBSCRIPTION_ACTIVATE = "order_subscriptions.activate", "A subscription became active."
    SUBSCRIPTION_DEACTIVATE = "order_subscriptions.deactivate", "A subscription became inactive."
    SUBSCRIPTION_CANCEL = "order_subscriptions.cancel", "A subscription was cancelled."
    SUBSCRIPTION_DESTROY = "order_subscriptions.destroy", "A subscription was deleted."

    # Exports and imports over HTTP.
    EXPORT_CREATE = "exports.create", "An export was requested."
    EXPORT_START = "exports.start", "An export began."
    EXPORT_COMPLETE = "exports.complete", "The file of an export can be downloaded."
    EXPORT_INTERRUPT = "exports.interrupt", "An export ended early; errors_log may say why."
    EXPORT_DESTROY = "exports.destroy", "An export and its file were deleted."
    IMPORT_CREATE = "imports.create", "An import was requested."
    IMPORT_START = "imports.start", "An import began."
    IMPORT_COMPLETE = "imports.complete", "All rows of an import were processed."
    IMPORT_INTERRUPT = "imports.interrupt", "An import ended early; errors_log may say why."
    IMPORT_DESTROY = "imports.destroy", "The record of an import was deleted; its rows stay."

    # For Prefect's automations alone.
    MORE = "order_factories.more", "Further copies ended, without an event for each."

    def __new__(cls, value: str, meaning: str) -> Self:
        name = str.__new__(cls, value)
        name._value_ = value
        name.meaning = meaning
        return name

    @property
    def resource(self) -> str:
        """The resource that the event is about."""
        return self.partition(".")[0]
