"""Order factories: the requests, their progress, and their errors."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Text,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from order_factory.models.tables.base import Base, Described, Id, Json, Moded, partial_index
from order_factory.models.tables.option_columns import option_columns
from order_factory.models.values.statuses import BatchStatus, FactoryStatus, FactoryType


class OrderFactoryBatch(Described, Moded, Base):
    """A batch: order factories that were requested together. Its `reference` is unique.

    `orders_count` is the number of requested copies. Completed and failed copies are counted from
    the factories, so the numbers always agree. With `drained_by_service`, the HTTP service makes
    the copies, and not a run of the bulk flow.

    A batch that was sent as a file has its `file_id` until the file is read. Then `errors_log` has
    the problems of the file. A `dry_run` has no factories: `outcome` is the result that the batch
    would have, and the stored file `report_file_id` is its report. `resumed_at` is the latest start
    of the copying, and `finished_before` the number of copies that had ended by then.
    """

    __tablename__ = "order_factory_batches"
    __table_args__ = (
        Index("uq_order_factory_batches_reference", "reference", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    status: Mapped[BatchStatus] = mapped_column(String(16), server_default=BatchStatus.PENDING)
    selection: Mapped[str]
    options: Mapped[Json]
    orders_count: Mapped[int]
    drained_by_service: Mapped[bool] = mapped_column(server_default=false())
    flow_run_id: Mapped[str | None] = mapped_column(String(36))
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_files.id"))
    report_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_files.id"))
    dry_run: Mapped[bool] = mapped_column(server_default=false())
    errors_count: Mapped[int] = mapped_column(server_default=text("0"))
    errors_log: Mapped[Json | None]
    outcome: Mapped[Json | None]
    resumed_at: Mapped[datetime | None]
    finished_before: Mapped[int | None]


class OrderFactory(Described, Moded, Base):
    """One request to copy `source_order` into `target_order`; every time is UTC.

    `errors_log` maps a field name to its list of messages. It is null if `errors_count` is 0.
    `flow_run_id` is the Prefect flow run that recorded the factory for itself, and later the one
    that copied it. The copy options are columns too: see `CopyOptionArguments`.

    Our own columns: a repeated request with the same `idempotency_key` finds this row and makes no
    other. `retry_of_id` is the failed factory that this one retries, each at most once.
    `applied_repeat_skus` is the value of `repeat_skus`, or of the shop's setting, by which lines
    were left out or recomputed. A copy that was merged into an open order has its
    `merged_order_id`, and no target order.

    A copy of an order subscription has its `order_subscription_id`. A copy for a period also has
    `period_at` and the `attempt`, from 1. These three are unique, so no period is copied twice.
    `retry_at` is the time of the next retry of a failed copy. It is null after the retry is
    recorded. A copy that `waits_for_payment_source` is retried after its customer's wallet has
    changed. `deaths` counts the processes that died while they copied this order first.

    Source: Commerce Layer API reference, order factory, order copy and recurring order copy.
    """

    __tablename__ = "order_factories"
    __table_args__ = (
        *option_columns(),
        Index("ix_order_factories_batch_id", "batch_id"),
        partial_index(
            "ix_order_factories_open",
            "batch_id",
            "id",
            where="status IN ('pending', 'in_progress')",
        ),
        Index("ix_order_factories_source_order_id", "source_order_id"),
        # For lists with the newest first.
        Index("ix_order_factories_created_at", "created_at", "id"),
        Index("uq_order_factories_target_order_id", "target_order_id", unique=True),
        partial_index(
            "uq_order_factories_idempotency_key",
            "idempotency_key",
            unique=True,
            where="idempotency_key IS NOT NULL",
        ),
        partial_index(
            "uq_order_factories_retry_of_id",
            "retry_of_id",
            unique=True,
            where="retry_of_id IS NOT NULL",
        ),
        partial_index(
            "uq_order_factories_order_subscription_id_period_at_attempt",
            "order_subscription_id",
            "period_at",
            "attempt",
            unique=True,
            where="order_subscription_id IS NOT NULL",
        ),
        partial_index(
            "ix_order_factories_retry_at",
            "retry_at",
            where="retry_at IS NOT NULL",
        ),
        partial_index(
            "ix_order_factories_waits_for_payment_source",
            "order_subscription_id",
            where="waits_for_payment_source",
        ),
        partial_index(
            "ix_order_factories_merged_order_id",
            "merged_order_id",
            where="merged_order_id IS NOT NULL",
        ),
        CheckConstraint("errors_count >= 0", name="errors_count_not_negative"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    type: Mapped[FactoryType] = mapped_column(String(32), server_default=FactoryType.ORDER_COPIES)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("order_factory_batches.id"))
    source_order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    target_order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    merged_order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    status: Mapped[FactoryStatus] = mapped_column(String(16), server_default=FactoryStatus.PENDING)
    applied_repeat_skus: Mapped[str | None] = mapped_column(String())
    errors_count: Mapped[int] = mapped_column(server_default=text("0"))
    errors_log: Mapped[Json | None]
    idempotency_key: Mapped[str | None]
    flow_run_id: Mapped[str | None] = mapped_column(String(36))
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    retry_of_id: Mapped[int | None] = mapped_column(ForeignKey("order_factories.id"))
    order_subscription_id: Mapped[int | None] = mapped_column(ForeignKey("order_subscriptions.id"))
    period_at: Mapped[datetime | None]
    attempt: Mapped[int | None] = mapped_column(SmallInteger)
    retry_at: Mapped[datetime | None]
    waits_for_payment_source: Mapped[bool] = mapped_column(server_default=false())
    deaths: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))


class CopyError(Base):
    """One error of one order. The rows of a factory make up its `errors_log`.

    `field` is the key in `errors_log`, `code` the kind of error (see `ErrorCode`), `message` the
    text for a person. `line_item_id` is the source line that has the error, and with `skip_errors`
    the line that was left out. `sku_code` is the SKU that it is about, if any.
    """

    __tablename__ = "copy_errors"
    __table_args__ = (
        Index("ix_copy_errors_order_factory_id", "order_factory_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    order_factory_id: Mapped[int] = mapped_column(ForeignKey("order_factories.id"))
    field: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text())
    line_item_id: Mapped[int | None] = mapped_column(ForeignKey("line_items.id"))
    sku_code: Mapped[str | None]
