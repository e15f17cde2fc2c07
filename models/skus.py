"""The catalogue and its stock."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, true
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Described, Id, Moded


class Sku(Described, Moded, Base):
    """Something the shop sells; the code is unique within its mode.

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
    """The pieces of a SKU that one stock location holds; never below zero.

    Source: Commerce Layer API reference, stock item object. `stock_location` is the location's
    code.
    """

    __tablename__ = "stock_items"
    __table_args__ = (
        Index("uq_stock_items_sku_id_stock_location", "sku_id", "stock_location", unique=True),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"))
    stock_location: Mapped[str]
    quantity: Mapped[int]
