"""Line items and their options: the contents of an order."""

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import (
    Base,
    Cents,
    CurrencyCode,
    Described,
    Id,
    Json,
    original_index,
)
from order_factory.models.values.statuses import ItemType


class LineItem(Described, Base):
    """One line of an order: goods, shipping, a payment cost, an adjustment or a discount.

    `total_amount_cents` is the line's part of the order's total. `sku_code` is the code from the
    time of the order: the SKU may have left the catalogue. `copied_from_id` is our own: the line of
    which this one is a copy. An order has at most one copy of a line.

    Source: Commerce Layer API reference, line item object.
    """

    __tablename__ = "line_items"
    __table_args__ = (
        UniqueConstraint("order_id", "copied_from_id"),
        # An import finds a line with it. Copies are left out, so copying need not maintain it.
        # The third column makes SQLite prefer it to the unique key, which finds all lines.
        original_index("line_items", "order_id", "reference", "copied_from_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    copied_from_id: Mapped[int | None] = mapped_column(ForeignKey("line_items.id"))
    item_type: Mapped[ItemType] = mapped_column(String(32), server_default=ItemType.SKUS)
    sku_code: Mapped[str | None]
    bundle_code: Mapped[str | None]
    name: Mapped[str | None]
    image_url: Mapped[str | None]
    quantity: Mapped[int]
    currency_code: Mapped[CurrencyCode | None]
    unit_amount_cents: Mapped[Cents | None]
    compare_at_amount_cents: Mapped[Cents | None]
    options_amount_cents: Mapped[Cents | None]
    discount_cents: Mapped[Cents | None]
    tax_amount_cents: Mapped[Cents | None]
    total_amount_cents: Mapped[Cents]
    tax_rate: Mapped[float | None]
    discount_breakdown: Mapped[Json | None]
    tax_breakdown: Mapped[Json | None]
    frequency: Mapped[str | None]
    coupon_code: Mapped[str | None]


class LineItemOption(Described, Base):
    """An extra of a line (an embossing, a gift wrap). `options` contains the customer's choices.

    Source: Commerce Layer API reference, line item option object.
    """

    __tablename__ = "line_item_options"
    __table_args__ = (
        UniqueConstraint("line_item_id", "copied_from_id"),
        original_index("line_item_options", "line_item_id", "reference", "copied_from_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    line_item_id: Mapped[int] = mapped_column(ForeignKey("line_items.id"))
    copied_from_id: Mapped[int | None] = mapped_column(ForeignKey("line_item_options.id"))
    name: Mapped[str | None]
    quantity: Mapped[int]
    currency_code: Mapped[CurrencyCode | None]
    unit_amount_cents: Mapped[Cents | None]
    total_amount_cents: Mapped[Cents | None]
    delay_hours: Mapped[int | None]
    options: Mapped[Json | None]
