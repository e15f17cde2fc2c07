"""All resources of the API, by name."""

from order_factory.api.resources.addresses import ADDRESSES
from order_factory.api.resources.batches import ORDER_FACTORY_BATCHES
from order_factory.api.resources.coupons import COUPONS
from order_factory.api.resources.customers import CUSTOMER_PAYMENT_SOURCES, CUSTOMERS
from order_factory.api.resources.events import EVENTS
from order_factory.api.resources.gift_cards import GIFT_CARDS
from order_factory.api.resources.line_items import LINE_ITEM_OPTIONS, LINE_ITEMS
from order_factory.api.resources.order_factories import (
    ORDER_COPIES,
    ORDER_FACTORIES,
    RECURRING_ORDER_COPIES,
)
from order_factory.api.resources.order_subscriptions import (
    ORDER_SUBSCRIPTION_ITEMS,
    ORDER_SUBSCRIPTIONS,
)
from order_factory.api.resources.orders import ORDERS
from order_factory.api.resources.payment_methods import PAYMENT_METHODS
from order_factory.api.resources.prices import PRICES
from order_factory.api.resources.skus import SKUS, STOCK_ITEMS
from order_factory.api.resources.transactions import (
    AUTHORIZATIONS,
    CAPTURES,
    REFUNDS,
    TRANSACTIONS,
    VOIDS,
)
from order_factory.api.resources.transfers import EXPORTS, IMPORTS
from order_factory.api.resources.webhooks import EVENT_CALLBACKS, WEBHOOKS

RESOURCES = {
    resource.name: resource
    for resource in (
        ORDER_FACTORIES,
        ORDER_COPIES,
        RECURRING_ORDER_COPIES,
        ORDER_FACTORY_BATCHES,
        ORDER_SUBSCRIPTIONS,
        ORDER_SUBSCRIPTION_ITEMS,
        ORDERS,
        LINE_ITEMS,
        LINE_ITEM_OPTIONS,
        ADDRESSES,
        CUSTOMERS,
        CUSTOMER_PAYMENT_SOURCES,
        SKUS,
        PRICES,
        STOCK_ITEMS,
        PAYMENT_METHODS,
        AUTHORIZATIONS,
        CAPTURES,
        VOIDS,
        REFUNDS,
        TRANSACTIONS,
        COUPONS,
        GIFT_CARDS,
        EVENTS,
        WEBHOOKS,
        EVENT_CALLBACKS,
        EXPORTS,
        IMPORTS,
    )
}
