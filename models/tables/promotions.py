"""Promotions, their coupons, and the lists of SKUs for which they are valid."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import (
    Base,
    Cents,
    CurrencyCode,
    Described,
    Id,
    Moded,
    comparison_key_of,
    same_as,
)


class PromotionType(StrEnum):
    """The kinds of promotions that are computed here. Each is also the type of its line item."""

    PERCENTAGE = "percentage_discount_promotions"
    FIXED_AMOUNT = "fixed_amount_promotions"
    FREE_SHIPPING = "free_shipping_promotions"


class SkuList(Described, Moded, Base):
    """SKUs under one name, unique within its mode. Source: reference, SKU list of a promotion."""

    __tablename__ = "sku_lists"
    __table_args__ = (
        Index("uq_sku_lists_mode_name", "mode", "name", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    name: Mapped[str]


class SkuListItem(Described, Base):
    """One SKU of a list, by its code: it need not be in the catalogue."""

    __tablename__ = "sku_list_items"
    __table_args__ = (
        Index("uq_sku_list_items_sku_list_id_sku_code", "sku_list_id", "sku_code", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    sku_list_id: Mapped[int] = mapped_column(ForeignKey("sku_lists.id"))
    sku_code: Mapped[str]


class Promotion(Described, Moded, Base):
    """A discount that orders get from `starts_at` until `expires_at` (UTC), unless disabled.

    The reference has one resource per `type`, and a rule per condition; here the conditions are
    columns: `sku_list_id` (only lines of these SKUs), `order_amount_cents` (the least amount of the
    goods, in cents of `currency_code`), `coupon_required` (only with one of its coupons). Without a
    currency it is for orders in any currency. `other_uses` is our own: the number of uses by orders
    that were not made here; null if that is not known. `percentage` is a whole number from 1 to
    100; `fixed_amount_cents` is in the currency.

    Source: Commerce Layer API reference, percentage discount, fixed amount and free shipping
    promotion objects.
    """

    __tablename__ = "promotions"
    __table_args__ = (
        Index("ix_promotions_mode_expires_at", "mode", "expires_at"),
        Index("ix_promotions_reference", "reference"),
        CheckConstraint(
            "(type = 'percentage_discount_promotions') = (percentage IS NOT NULL)",
            name="percentage_where_it_is_one",
        ),
        CheckConstraint("percentage BETWEEN 1 AND 100", name="percentage_of_the_whole"),
        CheckConstraint(
            "(type = 'fixed_amount_promotions') = (fixed_amount_cents IS NOT NULL)",
            name="fixed_amount_where_it_is_one",
        ),
        CheckConstraint("fixed_amount_cents > 0", name="fixed_amount_above_zero"),
        CheckConstraint(
            "currency_code IS NOT NULL "
            "OR (fixed_amount_cents IS NULL AND order_amount_cents IS NULL)",
            name="amounts_have_a_currency",
        ),
        CheckConstraint("total_usage_count >= 0", name="total_usage_count_not_negative"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    type: Mapped[PromotionType] = mapped_column(String(32))
    name: Mapped[str]
    currency_code: Mapped[CurrencyCode | None]
    exclusive: Mapped[bool] = mapped_column(server_default=false())
    priority: Mapped[int | None]
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    total_usage_limit: Mapped[int | None]
    total_usage_count: Mapped[int] = mapped_column(server_default=text("0"))
    other_uses: Mapped[int | None] = mapped_column(default=same_as("total_usage_count", 0))
    percentage: Mapped[int | None]
    fixed_amount_cents: Mapped[Cents | None]
    order_amount_cents: Mapped[Cents | None]
    sku_list_id: Mapped[int | None] = mapped_column(ForeignKey("sku_lists.id"))
    coupon_required: Mapped[bool] = mapped_column(server_default=false())


class Coupon(Described, Moded, Base):
    """A code that gives orders a promotion. It is unique within the mode, in any letter case.

    If `usage_limit` is null, there is no limit. With `customer_single_use` a customer may use it
    once. With `recipient_email` it is only for that customer. `other_uses` is our own, as for
    promotions. `code_key` and `recipient_email_key` are our own: the comparison keys of the code
    and the email.

    Source: Commerce Layer API reference, coupon object.
    """

    __tablename__ = "coupons"
    __table_args__ = (
        Index("uq_coupons_mode_code_key", "mode", "code_key", unique=True),
        CheckConstraint("usage_count >= 0", name="usage_count_not_negative"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    promotion_id: Mapped[int] = mapped_column(ForeignKey("promotions.id"), index=True)
    code: Mapped[str]
    code_key: Mapped[str | None] = mapped_column(default=comparison_key_of("code"))
    customer_single_use: Mapped[bool] = mapped_column(server_default=false())
    usage_limit: Mapped[int | None]
    usage_count: Mapped[int] = mapped_column(server_default=text("0"))
    other_uses: Mapped[int | None] = mapped_column(default=same_as("usage_count", 0))
    recipient_email: Mapped[str | None]
    recipient_email_key: Mapped[str | None] = mapped_column(
        default=comparison_key_of("recipient_email")
    )
    expires_at: Mapped[datetime | None]
