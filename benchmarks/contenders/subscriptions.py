"""The flow `run_order_subscriptions`, for as many subscriptions as there are selected orders."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

from sqlalchemy import update

from benchmarks.measurement import Job, Timing
from benchmarks.selection import read_selection
from order_factory.flows.run_order_subscriptions import run_order_subscriptions
from order_factory.models.database.engine import begin
from order_factory.models.tables import Order, OrderSubscription
from order_factory.models.tables.base import utc_now
from order_factory.tasks.working_set.statements import table_of

# Different starts, so that every subscription needs its own calculation.
STARTS_AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
ZONES = ("Europe/Rome", "America/New_York", "Asia/Kolkata", "UTC")
FREQUENCIES = ("monthly", "weekly", "daily", "two-month")


def subscribe(job: Job) -> int:
    """Create a due subscription for each selected order. Returns their number."""
    wanted = set(read_selection(job.selection))
    now = utc_now()
    due = now - timedelta(minutes=5)
    with begin() as db:
        orders = db.execute(table_of(Order).select().with_only_columns(Order.id, Order.number))
        rows = [
            {
                "number": f"S{number}",
                "status": "active",
                "frequency": FREQUENCIES[nth % len(FREQUENCIES)],
                "time_zone": ZONES[nth % len(ZONES)],
                "source_order_id": key,
                "starts_at": STARTS_AT + timedelta(seconds=nth),
                "next_run_at": due,
            }
            for nth, (key, number) in enumerate(orders)
            if number in wanted
        ]
        db.execute(table_of(OrderSubscription).insert(), rows)
        db.execute(update(OrderSubscription).values(updated_at=now))
    return len(rows)


def run(job: Job) -> Timing:
    """Run the due subscriptions; `recording` is everything except the copying."""
    count = subscribe(job)
    started = perf_counter()
    result = run_order_subscriptions(workers=job.workers)
    whole = perf_counter() - started
    if result.completed + result.failed != count:
        raise RuntimeError(f"{count} were due, and the run came to: {result.outcome}")
    return Timing(recording=whole - result.seconds, copying=result.seconds, whole=whole)
