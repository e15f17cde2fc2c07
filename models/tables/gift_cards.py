"""Gift cards and their uses: the balance of each card, and the amount that each order took."""

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
    partial_index,
)


class GiftCardStatus(StrEnum):
    """Only an `active` card pays. `redeemed`: nothing is left, or its single use is over.

    Source: Commerce Layer API reference, gift card object.
    """

    DRAFT = "draft"
    INACTIVE = "inactive"
    ACTIVE = "active"
    REDEEMED = "redeemed"


class GiftCard(Described, Moded, Base):
    """A prepaid balance in one currency. The code is unique within the mode, in any letter case.

    `balance_cents` is the current balance, and never below zero. A card with `single_use` pays
    once. `code_key` is our own: the comparison key of the code. `other_changes_cents` is our own
    too: the sum of all changes except uses here, such as top-ups and uses in another system (below
    zero). The balance is the initial balance, plus the other changes, minus the uses.

    Source: Commerce Layer API reference, gift card object.
    """

    __tablename__ = "gift_cards"
    __table_args__ = (
        Index("uq_gift_cards_mode_code_key", "mode", "code_key", unique=True),
        CheckConstraint("balance_cents >= 0", name="balance_not_negative"),
        CheckConstraint("initial_balance_cents >= 0", name="initial_balance_not_negative"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    code: Mapped[str]
    code_key: Mapped[str | None] = mapped_column(default=comparison_key_of("code"))
    status: Mapped[GiftCardStatus] = mapped_column(String(16), server_default=GiftCardStatus.ACTIVE)
    currency_code: Mapped[CurrencyCode]
    initial_balance_cents: Mapped[Cents]
    balance_cents: Mapped[Cents]
    other_changes_cents: Mapped[Cents] = mapped_column(server_default=text("0"))
    single_use: Mapped[bool] = mapped_column(server_default=false())
    expires_at: Mapped[datetime | None]


class GiftCardUseStatus(StrEnum):
    """`reserved` while the order is being placed, `taken` afterwards, `released` if returned."""

    RESERVED = "reserved"
    TAKEN = "taken"
    RELEASED = "released"


class GiftCardUse(Described, Base):
    """The amount that an order took from a gift card. Exactly this amount can be returned. Our own.

    A reserved amount is no longer in the card's balance.
    """

    __tablename__ = "gift_card_uses"
    __table_args__ = (
        partial_index(
            "uq_gift_card_uses_order_id", "order_id", where="status <> 'released'", unique=True
        ),
        Index("ix_gift_card_uses_gift_card_id", "gift_card_id"),
        CheckConstraint("amount_cents > 0", name="amount_is_positive"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    gift_card_id: Mapped[int] = mapped_column(ForeignKey("gift_cards.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    amount_cents: Mapped[Cents]
    status: Mapped[GiftCardUseStatus] = mapped_column(String(16))
