"""The flows: what a person runs.

from order_factory.flows import order_factory, bulk_order_factory
"""

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.drain_order_factories import drain_order_factories
from order_factory.flows.import_orders import import_orders
from order_factory.flows.order_factory import order_factory
from order_factory.flows.preview_order_subscriptions import preview_order_subscriptions
from order_factory.flows.run_order_subscriptions import run_order_subscriptions
from order_factory.flows.sweep_order_factories import sweep_order_factories

__all__ = [
    "bulk_order_factory",
    "drain_order_factories",
    "import_orders",
    "order_factory",
    "preview_order_subscriptions",
    "run_order_subscriptions",
    "sweep_order_factories",
]
