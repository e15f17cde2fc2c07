"""The catalogue and its stock."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Described, Id, Moded, partial_index


class Sku(Described, Moded, Base):
    """A product of the shop. The code is unique within the mode.

    Source: Commerce Layer API reference, SKU object. `purchasable` is our own: a SKU that is in
    the catalogue but not for sale.
    """

    __tablename__ = "skus"
    __table_args__ = (
        Index("uq_skus_mode_code", "mode", "code", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    code: Mapped[str]
    name: Mapped[str]
    description: Mapped[str | None]
    image_url: Mapped[str | None]
    do_not_ship: Mapped[bool] = mapped_column(server_default=false())
    do_not_track: Mapped[bool] = mapped_column(server_default=false())
    purchasable: Mapped[bool] = mapped_column(server_default=true())


class StockItem(Described, Moded, Base):
    """The pieces of a SKU at one stock location, never below zero.

    `reserved` of the `quantity` belong to orders that are being placed, so others cannot take them.
    Source: Commerce Layer API reference, stock item object. `stock_location` is the location's
    code.
    """

    __tablename__ = "stock_items"
    __table_args__ = (
        Index("uq_stock_items_sku_id_stock_location", "sku_id", "stock_location", unique=True),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint("reserved >= 0 AND reserved <= quantity", name="reserved_within_quantity"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"))
    stock_location: Mapped[str]
    quantity: Mapped[int]
    reserved: Mapped[int] = mapped_column(server_default=text("0"))


class ReservationStatus(StrEnum):
    """`reserved` while the order is being placed, `taken` afterwards, `released` if returned."""

    RESERVED = "reserved"
    TAKEN = "taken"
    RELEASED = "released"


class StockReservation(Described, Base):
    """The pieces that an order took from one stock item. Exactly these can be returned.

    Source: Commerce Layer API reference, stock reservation object; the statuses are our own.
    """

    __tablename__ = "stock_reservations"
    __table_args__ = (
        partial_index(
            "uq_stock_reservations_order_id_stock_item_id",
            "order_id",
            "stock_item_id",
            unique=True,
            where="status <> 'released'",
        ),
        CheckConstraint("quantity > 0", name="quantity_is_positive"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    stock_item_id: Mapped[int] = mapped_column(ForeignKey("stock_items.id"))
    quantity: Mapped[int]
    status: Mapped[ReservationStatus] = mapped_column(String(16))
