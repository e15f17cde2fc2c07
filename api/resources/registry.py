"""All resources of the API, by name."""

from api.resources.addresses import ADDRESSES
from api.resources.batches import ORDER_FACTORY_BATCHES
from api.resources.customers import CUSTOMER_PAYMENT_SOURCES, CUSTOMERS
from api.resources.events import EVENTS
from api.resources.line_items import LINE_ITEM_OPTIONS, LINE_ITEMS
from api.resources.order_factories import ORDER_COPIES, ORDER_FACTORIES, RECURRING_ORDER_COPIES
from api.resources.order_subscriptions import ORDER_SUBSCRIPTION_ITEMS, ORDER_SUBSCRIPTIONS
from api.resources.orders import ORDERS
from api.resources.skus import SKUS

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
        EVENTS,
    )
}
