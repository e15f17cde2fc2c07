"""The tables. Importing this package adds all of them to `Base.metadata`."""

from order_factory.models.tables.addresses import Address
from order_factory.models.tables.api_tokens import ApiToken
from order_factory.models.tables.base import Base
from order_factory.models.tables.bundles import Bundle, BundleItem
from order_factory.models.tables.customers import Customer
from order_factory.models.tables.events import Event
from order_factory.models.tables.gift_cards import GiftCard, GiftCardUse
from order_factory.models.tables.idempotency_records import IdempotencyRecord
from order_factory.models.tables.line_items import LineItem, LineItemOption
from order_factory.models.tables.order_factories import CopyError, OrderFactory, OrderFactoryBatch
from order_factory.models.tables.order_subscriptions import (
    OrderSubscription,
    OrderSubscriptionItem,
    OvertakenBatch,
)
from order_factory.models.tables.orders import Order
from order_factory.models.tables.prices import Price
from order_factory.models.tables.promotions import Coupon, Promotion, SkuList, SkuListItem
from order_factory.models.tables.shop_identity import ShopIdentity
from order_factory.models.tables.skus import Sku, StockItem, StockReservation
from order_factory.models.tables.stored_files import StoredFile, StoredFilePiece
from order_factory.models.tables.transactions import Transaction
from order_factory.models.tables.transfers import Export, Import
from order_factory.models.tables.wallets import CustomerPaymentSource, PaymentMethod, PaymentSource
from order_factory.models.tables.webhooks import EventCallback, Webhook

__all__ = [
    "Address",
    "ApiToken",
    "Base",
    "Bundle",
    "BundleItem",
    "CopyError",
    "Coupon",
    "Customer",
    "CustomerPaymentSource",
    "Event",
    "EventCallback",
    "Export",
    "GiftCard",
    "GiftCardUse",
    "IdempotencyRecord",
    "Import",
    "LineItem",
    "LineItemOption",
    "Order",
    "OrderFactory",
    "OrderFactoryBatch",
    "OrderSubscription",
    "OrderSubscriptionItem",
    "OvertakenBatch",
    "PaymentMethod",
    "PaymentSource",
    "Price",
    "Promotion",
    "ShopIdentity",
    "Sku",
    "SkuList",
    "SkuListItem",
    "StockItem",
    "StockReservation",
    "StoredFile",
    "StoredFilePiece",
    "Transaction",
    "Webhook",
]
