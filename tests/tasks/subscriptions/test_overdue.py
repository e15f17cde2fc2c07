"""Overdue renewals: due for hours, without a run that copies them."""

from datetime import timedelta

from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import OrderFactory
from order_factory.models.values.statuses import Mode
from order_factory.tasks.subscriptions.overdue import Overdue, read_overdue
from order_factory.tasks.subscriptions.reading import list_subscriptions
from order_factory.tasks.subscriptions.recording import record_due_periods
from tests.support.copying import change
from tests.support.subscriptions import LATE_AFTER, START, run_due, subscribe

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def overdue(now):
    with reading() as db:
        return read_overdue(db, now)


def test_a_period_without_a_run_is_overdue_after_two_hours(shop):
    subscribe(shop, frequency="daily")
    subscribe(shop, frequency="daily")
    subscribe(shop, frequency="yearly")

    assert overdue(START + DAY + HOUR) is None
    assert overdue(START + DAY + 2 * HOUR) == Overdue(2, START + DAY)


def test_the_list_shows_the_overdue_period(shop):
    subscribe(shop, frequency="daily")
    subscribe(shop, frequency="yearly")

    with reading() as db:
        rows, _ = list_subscriptions(db, None, 1, 9, START + DAY + 3 * HOUR)

    assert [each["overdue_since"] for each in rows] == [None, START + DAY]


def test_no_period_is_overdue_after_a_run(shop):
    subscribe(shop, frequency="daily")

    run_due(START + DAY + 9 * HOUR)

    assert overdue(START + DAY + 9 * HOUR) is None


def test_unfinished_copies_of_dead_runs_and_retries_are_overdue(shop):
    subscribe(shop, frequency="yearly", starts_at=START + DAY)
    with begin() as db:
        record_due_periods(db, Mode.LIVE, START + DAY, LATE_AFTER)
    recorded = overdue(START + 2 * DAY)
    factory = shop.row(OrderFactory)
    change(OrderFactory, factory.id, status="failed", retry_at=START + 3 * DAY)

    assert recorded == Overdue(1, START + DAY)
    assert overdue(START + 4 * DAY) == Overdue(1, START + 3 * DAY)
