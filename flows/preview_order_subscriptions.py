"""Previewing what the subscriptions will copy, and which copies would fail today."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.retrying import read
from order_factory.models.database.schema import require_schema
from order_factory.models.results.subscriptions import PredictedFailure, SubscriptionPreview
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.records import read_batch
from order_factory.tasks.copy_orders import BatchReport
from order_factory.tasks.copy_whole_batch import rehearse_batch
from order_factory.tasks.outcomes.account import BatchAccount
from order_factory.tasks.subscriptions.preview import (
    list_upcoming,
    predict_endings,
    predict_failures,
    record_rehearsal,
)

BATCH_SIZE = 5_000


@shop_flow(name="preview-order-subscriptions", flow_run_name="preview order subscriptions")
def preview_order_subscriptions(
    days: Annotated[int, Field(ge=1, le=366)] = 30,
    mode: Mode = Mode.LIVE,
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000,
) -> SubscriptionPreview:
    """List the upcoming copies of the order subscriptions, and those that would fail today.

    To find failures, each subscription is copied once in a transaction that is rolled back.
    Nothing is changed. On SQLite, other writers wait until it ends. Raises `DatabaseNotReady`.

    Args:
        days: Number of days to look ahead.
        mode: Whether to look at live or at test subscriptions.
        limit: List at most this many periods and this many failures.
    """
    require_schema()
    end = utc_now() + timedelta(days=days)
    (subscriptions, listed), (ending, ends) = read(
        lambda db: (list_upcoming(db, mode, end, limit), predict_endings(db, mode, end, limit))
    )
    failing: int = 0
    failures: list[PredictedFailure] = []

    def account(db: Connection, batch_id: int, _report: BatchReport) -> BatchAccount:
        nonlocal failing, failures
        failing, failures = predict_failures(db, batch_id, limit)
        return BatchAccount(read_batch(db, batch_id), orders=[], errors=[])

    if subscriptions:
        rehearse_batch(
            lambda db: record_rehearsal(db, mode, end), BATCH_SIZE, lambda: False, account
        )
    return SubscriptionPreview(
        until=end,
        subscriptions=subscriptions,
        upcoming=listed,
        failing=ending + failing,
        failures=[*ends, *failures][:limit],
    )
