"""What is stored. Importing this package makes every table known to `Base.metadata`."""

from models.addresses import Address
from models.api_tokens import ApiToken
from models.base import Base
from models.customers import Customer
from models.events import Event
from models.idempotency_records import IdempotencyRecord
from models.line_items import LineItem, LineItemOption
from models.order_factories import CopyError, OrderFactory, OrderFactoryBatch
from models.orders import Order
from models.skus import Sku, StockItem, StockReservation
from models.transactions import Transaction
from models.wallets import CustomerPaymentSource, PaymentMethod, PaymentSource

__all__ = [
    "Address",
    "ApiToken",
    "Base",
    "CopyError",
    "Customer",
    "CustomerPaymentSource",
    "Event",
    "IdempotencyRecord",
    "LineItem",
    "LineItemOption",
    "Order",
    "OrderFactory",
    "OrderFactoryBatch",
    "PaymentMethod",
    "PaymentSource",
    "Sku",
    "StockItem",
    "StockReservation",
    "Transaction",
]
