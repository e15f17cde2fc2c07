"""The Prefect events that are published after a commit."""

import pytest

from order_factory.models.database.engine import reading
from order_factory.models.results.copies import name_order
from order_factory.tasks.factories.records import read_factory
from order_factory.tasks.prefect_ui import events as prefect_events
from order_factory.tasks.prefect_ui.events import (
    publish_batch,
    publish_factory,
    publish_more,
    publish_waiting,
)
from tests.support.clones import mark_as_copy
from tests.support.copying import copy_one, request_copy
from tests.tasks.prefect_ui.test_artifacts import make_result  # noqa: F401


@pytest.fixture
def published_events(monkeypatch):
    events = []
    monkeypatch.setattr(prefect_events, "emit_event", lambda **event: events.append(event))
    return events


def test_a_copy_is_published_as_one_event(shop, published_events):
    result = copy_one(shop.order())

    publish_factory(result)

    assert [event["event"] for event in published_events] == ["order_factories.complete"]
    assert published_events[0]["resource"] == {
        "prefect.resource.id": f"order_factories.{result.id}"
    }
    assert published_events[0]["payload"] == {
        "id": result.id,
        "type": "order_copies",
        "mode": "live",
        "source_order": result.source_order.id,
        "target_order": result.target_order.id,
        "errors_count": 0,
        "outcome": f"order {result.source_order.number} ({result.source_order.id}) was copied to "
        f"order {name_order(result.target_order)}",
    }


def test_a_failed_copy_is_published_as_a_failure(shop, published_events):
    publish_factory(copy_one(shop.order(lines=[("MUG", 0, 1_00)])))

    assert [event["event"] for event in published_events] == ["order_factories.fail"]


def test_a_copy_that_has_not_ended_is_not_published(shop, published_events):
    factory = request_copy(shop.order())

    with reading() as db:
        publish_factory(read_factory(db, factory))

    assert published_events == []


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "complete"),
        ({"completed": 1_100, "failed": 100}, "fail"),
        ({"completed": 1_100, "pending": 100, "status": "in_progress"}, "fail"),
        ({"completed": 1_100, "pending": 100, "status": "aborted"}, "abort"),
    ],
)
def test_a_batch_is_published_as_one_event(shop, make_result, published_events, values, name):  # noqa: F811
    publish_batch(make_result(**values))

    assert [event["event"] for event in published_events] == [f"order_factory_batches.{name}"]
    assert published_events[0]["payload"]["outcome"].startswith("1,")


def test_a_copy_of_the_database_publishes_nothing(shop, published_events, make_result):  # noqa: F811
    result = copy_one(shop.order())

    with mark_as_copy():
        publish_factory(result)
        publish_more(3)
        publish_waiting()
        publish_batch(make_result())

    assert published_events == []
