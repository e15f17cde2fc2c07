"""Order subscriptions: orders that are copied regularly, on a schedule."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    text,
    true,
)
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
from order_factory.models.tables.option_columns import option_columns
from order_factory.models.values.statuses import (
    AfterFailure,
    CatchUp,
    ItemType,
    SubscriptionStatus,
    WhileOpen,
)


class OrderSubscription(Described, Moded, Base):
    """A schedule for copying an order. Every time is UTC. `number` is unique within the mode.

    `frequency` is a frequency of `models/values/frequencies.py`. It is counted from `starts_at` in
    the `time_zone` (an IANA name). `next_run_at` is the next period, or null if there is none.
    `last_run_at` is the latest time when copies were recorded. `occurrencies` counts the copied
    periods, and `errors_count` the failed attempts.

    Its copies are made with its copy options: see `CopyOptionArguments`.

    Our own columns: `time_zone`; `catch_up`, for periods that were missed while nothing ran;
    `retry_after`, delays such as `1d 3d 5d`, each from the attempt before; `after_failure`;
    `while_open`, for a period that is due while the copy before is unfinished; and
    `end_with_source_order`. `status_reason` is the reason if the subscription became inactive
    without a request. `template_order_id` is the order that is copied in place of the source order.
    `running_batch_id` is the newest batch with copies whose outcome is not counted yet.

    Source: Commerce Layer API reference, order subscription object.
    """

    __tablename__ = "order_subscriptions"
    __table_args__ = (
        *option_columns(of_subscriptions=True),
        Index("uq_order_subscriptions_mode_number", "mode", "number", unique=True),
        Index("ix_order_subscriptions_source_order_id", "source_order_id"),
        Index("ix_order_subscriptions_running_batch_id", "running_batch_id"),
        # A run selects the due subscriptions, and drafts that wait for their source order to be
        # placed.
        partial_index(
            "ix_order_subscriptions_due",
            "next_run_at",
            where="next_run_at IS NOT NULL",
        ),
        partial_index(
            "ix_order_subscriptions_waiting",
            "source_order_id",
            where="status = 'draft' AND activate_by_source_order",
        ),
        CheckConstraint("occurrencies >= 0", name="occurrencies_not_negative"),
        CheckConstraint("errors_count >= 0", name="errors_count_not_negative"),
        CheckConstraint("expires_at > starts_at", name="expires_after_start"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    number: Mapped[str]
    status: Mapped[SubscriptionStatus] = mapped_column(
        String(16), server_default=SubscriptionStatus.DRAFT
    )
    frequency: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    activate_by_source_order: Mapped[bool] = mapped_column(server_default=true())
    renewal_alert_period: Mapped[int | None] = mapped_column(SmallInteger)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    customer_email: Mapped[str | None]
    customer_payment_source_id: Mapped[int | None] = mapped_column(
        ForeignKey("customer_payment_sources.id")
    )
    source_order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    template_order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    catch_up: Mapped[CatchUp] = mapped_column(String(8), server_default=CatchUp.ONE)
    retry_after: Mapped[str | None]
    after_failure: Mapped[AfterFailure] = mapped_column(
        String(16), server_default=AfterFailure.KEEP
    )
    while_open: Mapped[WhileOpen] = mapped_column(String(8), server_default=WhileOpen.COPY)
    end_with_source_order: Mapped[bool] = mapped_column(server_default=true())
    status_reason: Mapped[str | None]
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_run_at: Mapped[datetime | None]
    next_run_at: Mapped[datetime | None]
    occurrencies: Mapped[int] = mapped_column(server_default=text("0"))
    errors_count: Mapped[int] = mapped_column(server_default=text("0"))
    succeeded_on_last_run: Mapped[bool | None]
    running_batch_id: Mapped[int | None] = mapped_column(ForeignKey("order_factory_batches.id"))


class OvertakenBatch(Base):
    """A batch with open copies of a subscription that has copies in a newer batch too.

    This is rare: it happens only if a copy waits for its gateway longer than a period.
    """

    __tablename__ = "order_subscription_overtaken_batches"
    __table_args__ = (
        Index("ix_order_subscription_overtaken_batches_batch_id", "batch_id"),
        PrimaryKeyConstraint("order_subscription_id", "batch_id"),
    )

    order_subscription_id: Mapped[int] = mapped_column(ForeignKey("order_subscriptions.id"))
    batch_id: Mapped[int] = mapped_column(ForeignKey("order_factory_batches.id"))


class OrderSubscriptionItem(Described, Base):
    """One item that an automatic subscription delivers. Amounts are cents of its currency.

    `source_line_item_id` is the line of the source order from which it was converted. Source:
    Commerce Layer API reference, order subscription item object.
    """

    __tablename__ = "order_subscription_items"
    __table_args__ = (
        CheckConstraint("quantity >= 1", name="quantity_at_least_one"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    order_subscription_id: Mapped[int] = mapped_column(
        ForeignKey("order_subscriptions.id"), index=True
    )
    source_line_item_id: Mapped[int | None] = mapped_column(ForeignKey("line_items.id"))
    item_type: Mapped[ItemType] = mapped_column(String(32), server_default=ItemType.SKUS)
    sku_code: Mapped[str | None]
    bundle_code: Mapped[str | None]
    quantity: Mapped[int]
    currency_code: Mapped[CurrencyCode]
    unit_amount_cents: Mapped[Cents]
    total_amount_cents: Mapped[Cents]
