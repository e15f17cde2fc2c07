"""Preview the next periods of subscriptions, and the copies that would fail today."""

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, literal, or_, select

from order_factory.models.database.engine import begin
from order_factory.models.database.key_sequences import read_drawn_keys, return_keys
from order_factory.models.database.retrying import read, retry_transient
from order_factory.models.results.copies import OrderRef
from order_factory.models.results.subscriptions import (
    PredictedFailure,
    SubscriptionRef,
    UpcomingCopy,
)
from order_factory.models.tables import Order
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus, Mode
from order_factory.tasks.copying.rehearsal import rehearse_copy
from order_factory.tasks.subscriptions.due import factory, is_active_or_running, subscription
from order_factory.tasks.subscriptions.planning import make_calendar
from order_factory.tasks.subscriptions.recording import record_periods
from order_factory.tasks.subscriptions.tables import open_run_tables, periods
from order_factory.tasks.subscriptions.transitions import SOURCE_CANCELLED, is_ended_by_source
from order_factory.tasks.working_set.statements import insert_counted, table_of

_order = table_of(Order)
_copied = func.coalesce(subscription.c.template_order_id, subscription.c.source_order_id)


def list_upcoming(
    db: Connection, mode: Mode, until: datetime, limit: int
) -> tuple[int, list[UpcomingCopy]]:
    """Return the number of subscriptions with a period up to `until`, and the first periods."""
    continuing = _select_continuing(mode, until)
    count = db.scalar(select(func.count()).select_from(continuing.subquery())) or 0
    # The first periods belong to the subscriptions with the earliest `next_run_at`.
    nearest = continuing.order_by(subscription.c.next_run_at, subscription.c.id).limit(limit)
    lists = [_list_periods(row, until) for row in db.execute(nearest)]
    return count, [
        UpcomingCopy(
            subscription=_present_subscription(row),
            period_at=period,
            source_order=_present_source(row),
        )
        for period, _, row in islice(merge(*lists, key=lambda each: each[:2]), limit)
    ]


def _list_periods(row: Row[Any], until: datetime) -> Iterator[tuple[datetime, int, Row[Any]]]:
    last = until if row.expires_at is None else min(until, row.expires_at)
    yield row.next_run_at, row.id, row
    for period in make_calendar(row).between(row.next_run_at, last):
        if period != row.expires_at:
            yield period, row.id, row


def record_rehearsal(db: Connection, mode: Mode, until: datetime) -> int:
    """Record one copy for each subscription with a period up to `until`. The caller rolls it back.

    Returns the key of the batch.
    """
    open_run_tables(db)
    continuing = _select_continuing(mode, until).subquery("ahead")
    rank = func.row_number().over(order_by=(continuing.c.next_run_at, continuing.c.id))
    # The current time differs from every period that was copied today.
    rows = select(rank, continuing.c.id, literal(utc_now(), periods.c.period_at.type))
    db.execute(insert_counted(periods, ["rank", "order_subscription_id", "period_at"], rows))
    return record_periods(db, mode, utc_now()).id


class _Rehearsed(Exception):
    """It rolls the transaction back, and has the failures of the copy."""


def predict_first_failure(subscription_id: int) -> dict[str, list[str]]:
    """Return what would be wrong with the subscription's first copy, if it were made now.

    The copy is made in a transaction that is rolled back. Nothing is wrong with a subscription that
    is not active yet. Raises `TryAgain` when a transient database error persists.
    """

    def rehearse() -> dict[str, list[str]]:
        try:
            with begin() as db:
                raise _Rehearsed(_copy_now(db, subscription_id))
        except _Rehearsed as rehearsed:
            log: dict[str, list[str]] = rehearsed.args[0]
            return log

    keys = read(read_drawn_keys)
    try:
        return retry_transient(rehearse)
    finally:
        return_keys(keys)


def _copy_now(db: Connection, subscription_id: int) -> dict[str, list[str]]:
    now = utc_now()
    row = db.execute(
        select(subscription.c.mode).where(
            subscription.c.id == subscription_id, is_active_or_running
        )
    ).one_or_none()
    if row is None:
        return {}
    open_run_tables(db)
    period = {"rank": 1, "order_subscription_id": subscription_id, "period_at": now}
    db.execute(insert(periods).values(period))
    batch_id = record_periods(db, row.mode, now).id
    for factory_id in db.scalars(select(factory.c.id).where(factory.c.batch_id == batch_id)).all():
        rehearse_copy(db, factory_id)
    _, failures = predict_failures(db, batch_id, 1)
    return failures[0].errors_log if failures else {}


def predict_failures(
    db: Connection, batch_id: int, limit: int
) -> tuple[int, list[PredictedFailure]]:
    """Return the number of failed copies of a rehearsal, and the first of them."""
    failed = (factory.c.batch_id == batch_id, factory.c.status == FactoryStatus.FAILED)
    count = db.scalar(select(func.count()).select_from(factory).where(*failed)) or 0
    rows: Select[Any] = (
        select(*_list_columns(), factory.c.errors_log)
        .select_from(factory)
        .join(subscription, subscription.c.id == factory.c.order_subscription_id)
        .join(_order, _order.c.id == factory.c.source_order_id)
    )
    return count, [
        PredictedFailure(
            subscription=_present_subscription(row),
            source_order=_present_source(row),
            errors_log=row.errors_log or {},
        )
        for row in db.execute(rows.where(*failed).order_by(factory.c.id).limit(limit))
    ]


def predict_endings(
    db: Connection, mode: Mode, until: datetime, limit: int
) -> tuple[int, list[PredictedFailure]]:
    """Return the number of subscriptions that end because of their source order, and the first."""
    rows = _select_with_period(mode, until).where(is_ended_by_source())
    count = db.scalar(select(func.count()).select_from(rows.subquery())) or 0
    log = {"source_order": [f"{SOURCE_CANCELLED}: the subscription ends, and nothing is copied"]}
    first = rows.order_by(subscription.c.next_run_at, subscription.c.id).limit(limit)
    return count, [
        PredictedFailure(
            subscription=_present_subscription(row),
            source_order=_present_source(row),
            errors_log=log,
        )
        for row in db.execute(first)
    ]


def _select_continuing(mode: Mode, until: datetime) -> Select[Any]:
    return _select_with_period(mode, until).where(~is_ended_by_source())


def _select_with_period(mode: Mode, until: datetime) -> Select[Any]:
    names = ("frequency", "starts_at", "time_zone", "next_run_at", "expires_at")
    rows = select(*_list_columns(), *(subscription.c[name] for name in names))
    has_not_expired = or_(
        subscription.c.expires_at.is_(None),
        subscription.c.next_run_at < subscription.c.expires_at,
    )
    return rows.join(_order, _order.c.id == _copied).where(
        subscription.c.mode == mode,
        is_active_or_running,
        subscription.c.next_run_at <= until,
        has_not_expired,
    )


def _list_columns() -> list[Any]:
    return [
        subscription.c.id,
        subscription.c.number,
        subscription.c.status,
        _order.c.id.label("order_id"),
        _order.c.number.label("order_number"),
        _order.c.status.label("order_status"),
    ]


def _present_subscription(row: Row[Any]) -> SubscriptionRef:
    name = public_id(Resource.order_subscriptions, row.id)
    return SubscriptionRef(id=name, number=row.number, status=row.status)


def _present_source(row: Row[Any]) -> OrderRef:
    name = public_id(Resource.orders, row.order_id)
    return OrderRef(id=name, number=row.order_number, status=row.order_status)
