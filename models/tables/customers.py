"""Customers: the people to whom orders belong."""

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Described, Id, Moded, comparison_key_of
from order_factory.models.values.statuses import CustomerStatus


class Customer(Described, Moded, Base):
    """A customer of the shop. The email is unique within the mode, in any letter case.

    `email_key` is our own: the comparison key of the email.

    Source: Commerce Layer API reference, customer object; the statuses `blocked` and `deleted`
    are our own.
    """

    __tablename__ = "customers"
    __table_args__ = (
        Index("uq_customers_mode_email_key", "mode", "email_key", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    email: Mapped[str]
    email_key: Mapped[str | None] = mapped_column(default=comparison_key_of("email"))
    status: Mapped[CustomerStatus] = mapped_column(
        String(16), server_default=CustomerStatus.PROSPECT
    )
    shopper_reference: Mapped[str | None]
    profile_id: Mapped[str | None]
    tax_exemption_code: Mapped[str | None]
