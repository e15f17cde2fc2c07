"""Looking ahead: what the subscriptions will copy, and what would fail today."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from flows.shop_flow import shop_flow
from models.base import utc_now
from models.engine import reading
from models.results import BulkResult
from models.schema import require_schema
from models.statuses import Mode
from models.subscription_results import ForetoldFailure, SubscriptionPreview
from tasks.batch_records import read_batch
from tasks.subscriptions.preview import foretold_failures, record_rehearsal, upcoming
from tasks.whole_batch import rehearse_batch

BATCH_SIZE = 5_000


@shop_flow(name="preview-order-subscriptions", flow_run_name="preview order subscriptions")
def preview_order_subscriptions(
    days: Annotated[int, Field(ge=1, le=366)] = 30,
    mode: Mode = Mode.LIVE,
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000,
) -> SubscriptionPreview:
    """List what the order subscriptions will copy when, and what would fail if it were copied now.

    For the latter each of them is copied once, in a transaction that is rolled back: nothing is
    changed. On SQLite nobody else can write meanwhile. Raises `DatabaseNotReady`.

    Args:
        days: How far to look ahead.
        mode: The subscriptions of live mode or of test mode.
        limit: How many periods and how many failures to list.
    """
    require_schema()
    until = utc_now() + timedelta(days=days)
    with reading() as db:
        subscriptions, listed = upcoming(db, mode, until, limit)
    failing: int = 0
    failures: list[ForetoldFailure] = []

    def account(db: Connection, batch_id: int, _closed: int) -> BulkResult:
        nonlocal failing, failures
        failing, failures = foretold_failures(db, batch_id, limit)
        return read_batch(db, batch_id)

    if subscriptions:
        rehearse_batch(
            lambda db: record_rehearsal(db, mode, until), BATCH_SIZE, lambda: False, account
        )
    return SubscriptionPreview(
        until=until,
        subscriptions=subscriptions,
        upcoming=listed,
        failing=failing,
        failures=failures,
    )
