"""The order that a copy has become, or was merged into."""

from sqlalchemy import func

from order_factory.models.tables import OrderFactory

TARGET_OR_MERGED = func.coalesce(OrderFactory.target_order_id, OrderFactory.merged_order_id)
