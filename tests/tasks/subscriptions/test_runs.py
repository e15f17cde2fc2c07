"""A run: each due period is copied once and counted, and the next one is scheduled."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from order_factory.models.database.engine import begin, get_engine
from order_factory.models.errors import CannotTransition
from order_factory.models.tables import (
    Event,
    Order,
    OrderFactory,
    OrderFactoryBatch,
    OrderSubscription,
)
from order_factory.models.values.copy_options import OPTIONS
from order_factory.models.values.statuses import Mode
from order_factory.tasks.subscriptions.outcomes import record_outcomes
from order_factory.tasks.subscriptions.recording import record_due_periods
from order_factory.tasks.subscriptions.transitions import Trigger, apply_trigger
from tests.support.at_once import run_together
from tests.support.copying import change
from tests.support.subscriptions import (
    LATE_AFTER,
    START,
    copy_and_record,
    list_periods,
    make_placeable_order,
    read_subscription,
    run_due,
    subscribe,
)

FEBRUARY = datetime(2026, 2, 28, 9, tzinfo=UTC)
MARCH = datetime(2026, 3, 31, 9, tzinfo=UTC)


def test_a_due_subscription_is_copied_placed_and_counted(shop):
    order = make_placeable_order(shop)
    key = subscribe(shop, order)
    other = subscribe(shop, frequency="yearly")
    before = read_subscription(shop, key)

    ran = run_due(FEBRUARY)

    after = read_subscription(shop, key)
    copy = shop.row(OrderFactory, order_subscription_id=key)
    target = shop.row(Order, id=copy.target_order_id)
    assert (before.status, before.next_run_at) == ("active", FEBRUARY)
    assert ran == 1
    assert (copy.type, copy.status, copy.source_order_id, copy.period_at, copy.attempt) == (
        "recurring_order_copies",
        "completed",
        order,
        FEBRUARY,
        1,
    )
    assert target.status == "placed"
    assert (after.status, after.occurrencies, after.errors_count) == ("active", 1, 0)
    assert (after.last_run_at, after.next_run_at, after.succeeded_on_last_run) == (
        FEBRUARY,
        MARCH,
        True,
    )
    assert list_periods(shop, other) == []
    batch = shop.row(OrderFactoryBatch)
    assert (batch.status, batch.orders_count) == ("completed", 1)
    of_batches = [row.name for row in shop.rows(Event) if row.name.startswith("order_factory_b")]
    names = ("create", "start", "complete")
    assert of_batches == [f"order_factory_batches.{name}" for name in names]
    assert [row.name for row in shop.rows(Event, order_factory_id=copy.id)] == [
        "order_factories.create",
        "order_factories.start",
        "order_factories.complete",
    ]


def test_a_second_run_finds_nothing(shop):
    key = subscribe(shop)

    ran = [run_due(FEBRUARY), run_due(FEBRUARY), run_due(START)]

    assert ran == [1, 0, 0]
    assert list_periods(shop, key) == [FEBRUARY]


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [("one", [5]), ("all", [1, 2, 3, 4, 5]), ("none", [])],
)
def test_missed_periods_are_made_up_for_as_configured(shop, catch_up, expected):
    key = subscribe(shop, frequency="daily", catch_up=catch_up)
    five_days_and_a_half_later = START + timedelta(days=5, hours=12)

    run_due(five_days_and_a_half_later)

    after = read_subscription(shop, key)
    assert list_periods(shop, key) == [START + timedelta(days=day) for day in expected]
    assert after.next_run_at == START + timedelta(days=6)
    assert (after.status, after.occurrencies) == ("active", len(expected))


def test_a_slightly_late_period_is_not_missed(shop):
    key = subscribe(shop, frequency="daily", catch_up="none")

    run_due(START + timedelta(days=2, hours=2))

    assert list_periods(shop, key) == [START + timedelta(days=2)]


def test_many_missed_periods_are_made_up_for_in_parts(shop):
    key = subscribe(shop, frequency="hourly", catch_up="all", place_target_order=False)

    batches = run_due(START + timedelta(hours=250))

    after = read_subscription(shop, key)
    assert batches == 3
    assert list_periods(shop, key) == [START + timedelta(hours=hour) for hour in range(1, 251)]
    assert (after.occurrencies, after.next_run_at) == (250, START + timedelta(hours=251))


def test_a_subscription_becomes_inactive_when_it_expires(shop):
    key = subscribe(shop, frequency="daily", expires_at=START + timedelta(days=2))

    run_due(START + timedelta(days=1))
    between = read_subscription(shop, key)
    run_due(START + timedelta(days=2))

    after = read_subscription(shop, key)
    assert (between.status, between.next_run_at) == ("active", None)
    assert (after.status, after.next_run_at, after.occurrencies) == ("inactive", None, 1)
    assert list_periods(shop, key) == [START + timedelta(days=1)]


def test_it_is_active_once_its_source_order_is_placed(shop):
    order = make_placeable_order(shop, status="pending", placed_at=None)
    key = subscribe(shop, order, frequency="daily")
    never = subscribe(shop, order, frequency="daily", activate_by_source_order=False)
    run_due(START + timedelta(days=3))
    before = read_subscription(shop, key)
    change(Order, order, status="placed", placed_at=START + timedelta(days=3, hours=1))

    run_due(START + timedelta(days=3, hours=2))

    after = read_subscription(shop, key)
    assert (before.status, before.next_run_at) == ("draft", None)
    assert (after.status, after.next_run_at) == ("active", START + timedelta(days=4))
    assert read_subscription(shop, never).status == "draft"
    assert shop.rows(OrderFactory) == []


def test_a_subscription_first_runs_at_its_start(shop):
    later = START + timedelta(days=10)
    key = subscribe(shop, frequency="weekly", starts_at=later)

    run_due(later - timedelta(seconds=1))
    run_due(later)

    assert list_periods(shop, key) == [later]


def test_test_mode_and_live_mode_have_separate_batches(shop):
    subscribe(shop, make_placeable_order(shop, mode="test"))
    subscribe(shop)

    assert run_due(FEBRUARY) == 2
    assert sorted(row.mode for row in shop.rows(OrderFactoryBatch)) == ["live", "test"]
    assert {row.mode for row in shop.rows(OrderFactory)} == {"live", "test"}


def test_a_run_that_died_after_recording_is_finished_by_the_next(shop):
    key = subscribe(shop)
    with begin() as db:
        record_due_periods(db, Mode.LIVE, FEBRUARY, LATE_AFTER)
    recorded = read_subscription(shop, key)
    with begin() as db:
        again = record_due_periods(db, Mode.LIVE, FEBRUARY, LATE_AFTER)

    run_due(FEBRUARY)

    after = read_subscription(shop, key)
    assert (recorded.status, recorded.next_run_at) == ("running", MARCH)
    assert again is None
    assert (after.status, after.occurrencies, after.running_batch_id) == ("active", 1, None)
    assert list_periods(shop, key) == [FEBRUARY]


def test_a_copy_is_counted_once_however_often_the_batch_is_accounted_for(shop):
    key = subscribe(shop)
    run_due(FEBRUARY)
    batch = shop.row(OrderFactoryBatch).id

    with begin() as db:
        renewals = record_outcomes(db, batch, FEBRUARY)

    assert renewals == 0
    assert read_subscription(shop, key).occurrencies == 1


def test_a_period_that_was_copied_is_never_copied_again_even_if_it_seems_due(shop):
    key = subscribe(shop)
    run_due(FEBRUARY)
    change(OrderSubscription, key, next_run_at=FEBRUARY)

    run_due(FEBRUARY)
    with pytest.raises(IntegrityError):
        shop.add(
            OrderFactory,
            source_order_id=read_subscription(shop, key).source_order_id,
            order_subscription_id=key,
            period_at=FEBRUARY,
            attempt=1,
        )

    assert list_periods(shop, key) == [FEBRUARY]
    assert (read_subscription(shop, key).status, read_subscription(shop, key).next_run_at) == (
        "active",
        MARCH,
    )


def test_a_subscription_deactivated_during_a_run_stays_inactive(shop):
    key = subscribe(shop)
    with begin() as db:
        batch = record_due_periods(db, Mode.LIVE, FEBRUARY, LATE_AFTER)
    with begin() as db:
        apply_trigger(db, key, Trigger.DEACTIVATE, FEBRUARY)

    assert batch is not None
    copy_and_record(batch.id, FEBRUARY)

    after = read_subscription(shop, key)
    assert (after.status, after.next_run_at, after.occurrencies) == ("inactive", None, 1)


def test_triggers_that_a_status_forbids_are_refused(shop):
    key = subscribe(shop, status="cancelled")

    for trigger in (Trigger.ACTIVATE, Trigger.DEACTIVATE):
        with begin() as db, pytest.raises(CannotTransition, match="cannot transition from canc"):
            apply_trigger(db, key, trigger, FEBRUARY)


@pytest.mark.parametrize(
    ("status", "trigger"),
    [
        ("active", Trigger.ACTIVATE),
        ("inactive", Trigger.DEACTIVATE),
        ("cancelled", Trigger.CANCEL),
    ],
)
def test_a_repeated_trigger_changes_nothing(shop, status, trigger):
    key = subscribe(shop)
    if status != "active":
        change(OrderSubscription, key, status=status, next_run_at=None)
    before = read_subscription(shop, key)

    with begin() as db:
        apply_trigger(db, key, trigger, MARCH)

    assert read_subscription(shop, key) == before


def test_two_runs_at_once_copy_each_period_once(shop):
    order = make_placeable_order(shop)
    for _ in range(12):
        subscribe(shop, order)

    run_together(*[lambda: run_due(FEBRUARY)] * 3)
    run_due(FEBRUARY)

    copies = shop.rows(OrderFactory)
    assert len(copies) == 12
    assert len({copy.order_subscription_id for copy in copies}) == 12
    assert {(row.status, row.occurrencies) for row in shop.rows(OrderSubscription)} == {
        ("active", 1)
    }


def test_the_number_of_statements_does_not_grow_with_the_subscriptions(shop):
    order = make_placeable_order(shop)
    references: list[str] = []

    def note(_db: object, _cursor: object, statement: str, *_rest: object) -> None:
        references.append(statement)

    def statements(count: int, now: datetime) -> int:
        for _ in range(count):
            subscribe(shop, order, frequency="daily")
        get_engine().dispose()  # new connections: each run makes its temporary tables
        references.clear()
        run_due(now)
        return len(references)

    event.listen(get_engine(), "after_cursor_execute", note)
    few, many = statements(2, START + timedelta(days=1)), statements(8, START + timedelta(days=2))
    event.remove(get_engine(), "after_cursor_execute", note)

    assert few == many


def test_copies_have_the_options_of_their_subscription(shop):
    key = subscribe(
        shop,
        place_target_order=False,
        reuse_wallet=False,
        skip_errors=True,
        apply_promotions=True,
        ignore_invalid_coupon=True,
        refresh_prices=True,
        stock="ignore",
        gift_cards="fail",
        payment_source_fallback="newest_valid",
        keep_metadata="keys:color",
        keep_references="all",
        repeat_skus="GIFT=once",
        any_source_status=True,
    )

    with begin() as db:
        record_due_periods(db, Mode.LIVE, FEBRUARY, LATE_AFTER)

    copy = shop.row(OrderFactory, order_subscription_id=key)
    assert {name: copy._mapping[name] for name in OPTIONS} == {
        "place_target_order": False,
        "reuse_wallet": False,
        "skip_errors": True,
        "cancel_source_order": False,
        "apply_promotions": True,
        "ignore_invalid_coupon": True,
        "refresh_prices": True,
        "stock": "ignore",
        "gift_cards": "fail",
        "payment_source_fallback": "newest_valid",
        "keep_metadata": "keys:color",
        "keep_references": "all",
        "repeat_skus": "GIFT=once",
        "any_source_status": True,
    }


def test_renewals_continue_after_a_single_use_coupon(shop):
    customer = shop.customer()
    shop.coupon("WELCOME", usage_limit=1, usage_count=1)
    card = shop.payment_source(wallet_of=customer)
    order = shop.order(customer_id=customer, payment_source_id=card, coupon_code="WELCOME")
    key = subscribe(shop, order, ignore_invalid_coupon=True)

    run_due(FEBRUARY)

    copy = shop.row(OrderFactory, order_subscription_id=key)
    assert (copy.status, copy.errors_log) == ("completed", None)
    assert shop.row(Order, id=copy.target_order_id).coupon_code is None
