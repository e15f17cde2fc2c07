"""Bundles: SKUs that are sold together under one code."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Described, Id, Moded


class Bundle(Described, Moded, Base):
    """SKUs that are sold together. The code is unique within the mode.

    A bundle needs no shipping with `do_not_ship`, or if none of its SKUs is shipped.

    Source: Commerce Layer API reference, bundle object. There a bundle has a list of SKUs. Here its
    SKUs are rows of `bundle_items`.
    """

    __tablename__ = "bundles"
    __table_args__ = (
        Index("uq_bundles_mode_code", "mode", "code", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    code: Mapped[str]
    name: Mapped[str | None]
    do_not_ship: Mapped[bool] = mapped_column(server_default=false())


class BundleItem(Described, Base):
    """The number of pieces of a SKU in one bundle."""

    __tablename__ = "bundle_items"
    __table_args__ = (
        Index("uq_bundle_items_bundle_id_sku_code", "bundle_id", "sku_code", unique=True),
        CheckConstraint("quantity > 0", name="quantity_is_positive"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    bundle_id: Mapped[int] = mapped_column(ForeignKey("bundles.id"))
    sku_code: Mapped[str]
    quantity: Mapped[int] = mapped_column(server_default=text("1"))
