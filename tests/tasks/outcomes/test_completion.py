"""Closing a batch: how each factory ended, when, why, and the events that tell it."""

from order_factory.models.tables import CopyError, Event, OrderFactory
from tests.support.copying import FLOW_RUN, copy, copy_one, factory_of, read_results, request_copy


def test_a_completed_factory_shows_its_time_and_its_flow_run(shop):
    result = copy_one(shop.order())

    assert result.status == "completed"
    assert result.created_at <= result.started_at <= result.completed_at == result.updated_at
    assert result.failed_at is None
    assert (result.errors_log, result.errors_count) == (None, 0)
    assert result.flow_run_id == FLOW_RUN
    assert result.started_at.utcoffset().total_seconds() == 0


def test_a_failed_factory_shows_its_time_and_its_errors(shop):
    result = copy_one(shop.order(lines=[]))

    assert result.status == "failed"
    assert result.created_at <= result.started_at <= result.failed_at == result.updated_at
    assert result.completed_at is None
    assert result.target_order is None
    assert (result.errors_log, result.errors_count) == (
        {"line_items": ["the order has no line item"]},
        1,
    )
    assert result.flow_run_id == FLOW_RUN


def test_the_count_is_the_number_of_messages_in_the_log(shop):
    source = shop.order(lines=[("PEN", 0, 1_00), ("CAP", -1, 1_00)], billing_address_id=None)

    results = copy(shop.order(), source, shop.order(lines=[]), source, skip_errors=True)

    assert [result.errors_count for result in results] == [0, 4, 1, 4]
    for result in results:
        detail = [words for messages in (result.errors_log or {}).values() for words in messages]
        assert len(detail) == result.errors_count
        rows = shop.rows(CopyError, order_factory_id=factory_of(result))
        assert sorted(row.message for row in rows) == sorted(detail)


def test_messages_are_in_the_order_of_the_lines(shop):
    lines = [(f"SKU-{9 - nth}", -nth, 1_00) for nth in range(10)]
    source = shop.order(lines=lines)

    (result,) = copy(source)

    assert result.errors_log == {
        "line_items": [f"SKU SKU-{9 - nth}: the quantity {-nth} is below 1" for nth in range(10)]
    }


def test_messages_may_hold_any_character(shop):
    code = 'quote " back\\slash ünïcode 💶'
    source = shop.order(lines=[(code, 0, 1_00)])

    result = copy_one(source)

    assert result.errors_log == {"line_items": [f"SKU {code}: the quantity 0 is below 1"]}


def test_every_change_of_status_is_an_event(shop):
    good, bad = copy(shop.order(), shop.order(lines=[]))

    events = shop.rows(Event)
    assert sorted((event.order_factory_id, event.name) for event in events) == [
        (factory_of(good), "order_factories.complete"),
        (factory_of(good), "order_factories.create"),
        (factory_of(good), "order_factories.start"),
        (factory_of(bad), "order_factories.create"),
        (factory_of(bad), "order_factories.fail"),
        (factory_of(bad), "order_factories.start"),
    ]
    when = {(event.order_factory_id, event.name): event.created_at for event in events}
    assert when[factory_of(good), "order_factories.create"] == good.created_at
    assert when[factory_of(good), "order_factories.start"] == good.started_at
    assert when[factory_of(good), "order_factories.complete"] == good.completed_at
    assert when[factory_of(bad), "order_factories.fail"] == bad.failed_at


def test_events_of_one_factory_are_written_in_the_order_in_which_they_happened(shop):
    ended = copy(*[shop.order() for _ in range(20)])

    for result in ended:
        names = [event.name for event in shop.rows(Event, order_factory_id=factory_of(result))]
        assert names == [
            "order_factories.create",
            "order_factories.start",
            "order_factories.complete",
        ]


def test_a_pending_factory_has_no_errors_yet(shop):
    (result,) = read_results([request_copy(shop.order())])

    assert (result.status, result.errors_log, result.errors_count) == ("pending", None, 0)
    assert (result.started_at, result.completed_at, result.failed_at) == (None, None, None)
    assert (result.target_order, result.flow_run_id) == (None, None)


def test_only_the_claimed_factories_are_closed(shop):
    source = shop.order()
    waiting = request_copy(source)

    copy_one(source)

    assert shop.row(OrderFactory, id=waiting).status == "pending"
    assert len(shop.rows(Event, order_factory_id=waiting)) == 1
