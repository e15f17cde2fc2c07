"""Prices: the current price of each SKU."""

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Cents, CurrencyCode, Described, Id, Moded


class Price(Described, Moded, Base):
    """The current price of one piece of a SKU, in cents. A SKU has one price per currency.

    Source: Commerce Layer API reference, price object. There are no price lists here.
    """

    __tablename__ = "prices"
    __table_args__ = (
        Index("uq_prices_sku_id_currency_code", "sku_id", "currency_code", unique=True),
        CheckConstraint("amount_cents >= 0", name="amount_not_negative"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"))
    currency_code: Mapped[CurrencyCode]
    amount_cents: Mapped[Cents]
    compare_at_amount_cents: Mapped[Cents | None]
