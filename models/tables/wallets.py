"""Payment methods, payment sources, and the wallets in which customers save them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import (
    Base,
    Cents,
    CurrencyCode,
    Described,
    Id,
    Moded,
    original_reference_index,
)


class PaymentMethod(Described, Moded, Base):
    """A way to pay that the shop offers.

    Source: Commerce Layer API reference, payment method object; `gateway` is our own.
    """

    __tablename__ = "payment_methods"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Id]
    name: Mapped[str | None]
    payment_source_type: Mapped[str]
    gateway: Mapped[str | None]
    currency_code: Mapped[CurrencyCode | None]
    price_amount_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    disabled_at: Mapped[datetime | None]


class PaymentSource(Described, Moded, Base):
    """A card or an account at a gateway that pays for orders. It has the gateway's tokens.

    The reference has one resource per gateway (`stripe_payments`, `wire_transfers`, ...). Here
    `payment_source_type` distinguishes them. `copied_from_id` is the payment source in the wallet
    of which this one is a copy. From `expires_at` (UTC) on, it cannot be used. `refused_at` is our
    own: the time when a gateway refused it permanently.
    """

    __tablename__ = "payment_sources"
    __table_args__ = (
        original_reference_index("payment_sources"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    copied_from_id: Mapped[int | None] = mapped_column(ForeignKey("payment_sources.id"))
    payment_source_type: Mapped[str]
    gateway: Mapped[str | None]
    name: Mapped[str | None]
    customer_token: Mapped[str | None]
    payment_source_token: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]


class CustomerPaymentSource(Described, Moded, Base):
    """One entry of a customer's wallet: a payment source that the customer saved.

    `is_default` is our own: the customer prefers this entry.

    Source: Commerce Layer API reference, customer payment source object.
    """

    __tablename__ = "customer_payment_sources"
    __table_args__ = (
        Index(
            "uq_customer_payment_sources_payment_source_id_customer_id",
            "payment_source_id",
            "customer_id",
            unique=True,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    payment_method_id: Mapped[int | None] = mapped_column(ForeignKey("payment_methods.id"))
    payment_source_id: Mapped[int] = mapped_column(ForeignKey("payment_sources.id"))
    is_default: Mapped[bool] = mapped_column(server_default=false())
    name: Mapped[str | None] = mapped_column(String(255))
    customer_token: Mapped[str | None]
    payment_source_token: Mapped[str | None]
