"""The flows, which a person runs.

from order_factory.flows import order_factory, bulk_order_factory
"""

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.cancel_orders import cancel_orders
from order_factory.flows.capture_orders import capture_orders
from order_factory.flows.drain_order_factories import drain_order_factories
from order_factory.flows.export_records import export_records
from order_factory.flows.import_orders import import_orders
from order_factory.flows.order_factory import order_factory
from order_factory.flows.place_orders import place_orders
from order_factory.flows.preview_order_subscriptions import preview_order_subscriptions
from order_factory.flows.refund_orders import refund_orders
from order_factory.flows.run_order_subscriptions import run_order_subscriptions
from order_factory.flows.sweep_order_factories import sweep_order_factories
from order_factory.flows.transfer_records import transfer_records

__all__ = [
    "bulk_order_factory",
    "cancel_orders",
    "capture_orders",
    "drain_order_factories",
    "export_records",
    "import_orders",
    "order_factory",
    "place_orders",
    "preview_order_subscriptions",
    "refund_orders",
    "run_order_subscriptions",
    "sweep_order_factories",
    "transfer_records",
]
