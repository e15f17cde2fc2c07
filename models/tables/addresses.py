"""Addresses: the billing and shipping addresses of orders."""

from sqlalchemy import ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Described, Id, Moded, original_reference_index


class Address(Described, Moded, Base):
    """One postal address. Source: Commerce Layer API reference, address object.

    `copied_from_id` is our own: the address of which this one is a copy.
    """

    __tablename__ = "addresses"
    __table_args__ = (
        original_reference_index("addresses"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    copied_from_id: Mapped[int | None] = mapped_column(ForeignKey("addresses.id"))
    business: Mapped[bool] = mapped_column(server_default=false())
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    company: Mapped[str | None]
    line_1: Mapped[str]
    line_2: Mapped[str | None]
    city: Mapped[str]
    zip_code: Mapped[str | None]
    state_code: Mapped[str | None]
    country_code: Mapped[str] = mapped_column(String(2))
    phone: Mapped[str | None]
    email: Mapped[str | None]
    notes: Mapped[str | None]
    lat: Mapped[float | None]
    lng: Mapped[float | None]
    billing_info: Mapped[str | None]
