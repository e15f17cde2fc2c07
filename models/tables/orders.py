"""Orders: the sources and the targets of copies."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import (
    Base,
    Cents,
    CurrencyCode,
    Described,
    Id,
    Moded,
    comparison_key_of,
    partial_index,
)
from order_factory.models.values.statuses import FulfillmentStatus, OrderStatus, PaymentStatus


class Order(Described, Moded, Base):
    """One order. Amounts are cents of its `currency_code` (ISO 4217).

    `total_amount_cents` is the sum of the line items' totals. The other amounts are the parts of it
    by type of line. As in the reference, `discount_amount_cents` is zero or below, and
    `gift_card_amount_cents`, the payments with gift cards, is zero or above. `number` is unique
    within the mode. Every order that is made here has a number from the start.

    Our own columns: `order_factory_id` is the factory that made this order, and no factory makes
    two. `customer_email_key`, `coupon_code_key` and `gift_card_code_key` are the comparison keys of
    the email and the codes. `notes` are the customer's wishes, which copies keep.

    Source: Commerce Layer API reference, order object.
    """

    __tablename__ = "orders"
    __table_args__ = (
        # For lists with the newest first.
        Index("ix_orders_created_at", "created_at", "id"),
        partial_index(
            "uq_orders_mode_number",
            "mode",
            "number",
            unique=True,
            where="number IS NOT NULL",
        ),
        partial_index(
            "uq_orders_order_factory_id",
            "order_factory_id",
            unique=True,
            where="order_factory_id IS NOT NULL",
        ),
        # Finds the orders of a customer that have a coupon.
        partial_index(
            "ix_orders_coupon_code_key",
            "coupon_code_key",
            "customer_id",
            where="coupon_code_key IS NOT NULL",
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    number: Mapped[str | None]
    order_factory_id: Mapped[int | None] = mapped_column(
        ForeignKey("order_factories.id", use_alter=True)
    )
    status: Mapped[OrderStatus] = mapped_column(String(16), server_default=OrderStatus.DRAFT)
    payment_status: Mapped[PaymentStatus] = mapped_column(
        String(24), server_default=PaymentStatus.UNPAID
    )
    fulfillment_status: Mapped[FulfillmentStatus] = mapped_column(
        String(16), server_default=FulfillmentStatus.UNFULFILLED
    )
    guest: Mapped[bool] = mapped_column(server_default=false())
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    customer_email: Mapped[str | None]
    customer_email_key: Mapped[str | None] = mapped_column(
        default=comparison_key_of("customer_email")
    )
    market_name: Mapped[str | None]
    language_code: Mapped[str | None]
    notes: Mapped[str | None]
    currency_code: Mapped[CurrencyCode]
    country_code: Mapped[str | None]
    shipping_country_code_lock: Mapped[str | None]
    tax_included: Mapped[bool] = mapped_column(server_default=true())
    tax_rate: Mapped[float | None]
    coupon_code: Mapped[str | None]
    coupon_code_key: Mapped[str | None] = mapped_column(default=comparison_key_of("coupon_code"))
    gift_card_code: Mapped[str | None]
    gift_card_code_key: Mapped[str | None] = mapped_column(
        default=comparison_key_of("gift_card_code")
    )
    subtotal_amount_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    shipping_amount_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    payment_method_amount_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    discount_amount_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    adjustment_amount_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    gift_card_amount_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    total_tax_amount_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    total_amount_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    total_amount_with_taxes_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    billing_address_id: Mapped[int | None] = mapped_column(ForeignKey("addresses.id"))
    shipping_address_id: Mapped[int | None] = mapped_column(ForeignKey("addresses.id"))
    payment_method_id: Mapped[int | None] = mapped_column(ForeignKey("payment_methods.id"))
    payment_source_id: Mapped[int | None] = mapped_column(ForeignKey("payment_sources.id"))
    placed_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    refreshed_at: Mapped[datetime | None]
