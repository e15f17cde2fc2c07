"""Transactions: requests to payment gateways, stored before they are sent."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import (
    Base,
    Cents,
    CurrencyCode,
    Described,
    Id,
    Moded,
    partial_index,
)


class TransactionType(StrEnum):
    AUTHORIZATIONS = "authorizations"
    CAPTURES = "captures"
    VOIDS = "voids"
    REFUNDS = "refunds"


class TransactionStatus(StrEnum):
    """`unknown` until the gateway's answer is stored: the gateway may have acted or not."""

    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Transaction(Described, Moded, Base):
    """A request to a gateway about an order. The amount is in cents of `currency_code` (ISO 4217).

    The row is committed as `unknown` before the gateway is called. Every call has the
    `idempotency_key`, so a retry after a crash uses the same key. `token` is the gateway's id of
    its transaction. `error_code` and `message` are its reason for a refusal. `authorization_id` is
    the authorization of a capture or void, and `capture_id` the capture of a refund.
    `order_factory_id` is the factory that waits for the answer. A request for the order itself has
    none. `claimed_by` is the process that calls the gateway (see
    `order_factory.models.database.process_locks`), and `calls` is the number of times that a
    process has claimed the row.

    `customer_action` is a link or a client secret of the gateway. With it, the shop lets the
    customer confirm the payment. It is never logged.

    Source: Commerce Layer API reference, authorization, capture, void and refund objects; `status`,
    `idempotency_key`, `claimed_by` and `calls` are our own.
    """

    __tablename__ = "transactions"
    __table_args__ = (
        Index("uq_transactions_idempotency_key", "idempotency_key", unique=True),
        Index("ix_transactions_order_id", "order_id"),
        Index("ix_transactions_order_factory_id", "order_factory_id"),
        partial_index(
            "ix_transactions_capture_id",
            "capture_id",
            where="capture_id IS NOT NULL",
        ),
        partial_index(
            "ix_transactions_unknown",
            "id",
            where="status = 'unknown'",
        ),
        # An order is authorized once, and an authorization is voided or captured once.
        partial_index(
            "uq_transactions_order_id_authorization",
            "order_id",
            unique=True,
            where="type = 'authorizations' AND status <> 'failed'",
        ),
        partial_index(
            "uq_transactions_authorization_id",
            "authorization_id",
            unique=True,
            where="type <> 'authorizations' AND status <> 'failed'",
        ),
        CheckConstraint("amount_cents > 0", name="amount_is_positive"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    type: Mapped[TransactionType] = mapped_column(String(16))
    status: Mapped[TransactionStatus] = mapped_column(
        String(16), server_default=TransactionStatus.UNKNOWN
    )
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    order_factory_id: Mapped[int | None] = mapped_column(ForeignKey("order_factories.id"))
    authorization_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    gateway: Mapped[str] = mapped_column(String(32))
    amount_cents: Mapped[Cents]
    currency_code: Mapped[CurrencyCode]
    idempotency_key: Mapped[str] = mapped_column(String(64))
    token: Mapped[str | None]
    error_code: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None]
    customer_action: Mapped[str | None]
    claimed_by: Mapped[int | None]
    calls: Mapped[int] = mapped_column(server_default=text("0"))
