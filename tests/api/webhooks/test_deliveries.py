"""A change of a status reaches each subscriber: signed, at least once, and in order."""

import json
import threading

import pytest
from sqlalchemy import insert, update
from standardwebhooks import Webhook as StandardWebhook

from order_factory.api.webhook_documents import render_documents
from order_factory.models.database.engine import begin, reading
from order_factory.models.database.identity import adopt_place
from order_factory.models.tables import Event, EventCallback, ShopIdentity, Webhook
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.verify.verifying import verify
from order_factory.tasks.webhooks import due
from order_factory.tasks.webhooks.delivering import send_due_deliveries
from order_factory.tasks.webhooks.log import prune_log
from order_factory.tasks.webhooks.settings import webhook_settings
from order_factory.tasks.webhooks.signing import sign_for_commerce_layer
from tests.api.webhooks.conftest import deliver_due
from tests.support.api_client import make_order_id
from tests.support.copying import change
from tests.support.draining import drain
from tests.support.receiver import HANG, OK, run_receiver


def customer(api, number=1):
    data = {"type": "customers", "attributes": {"email": f"person-{number}@shop.example"}}
    return api.post("customers", data)["data"]["id"]


def find_broken():
    """The invariants that do not hold."""
    with reading() as db:
        return [each.name for each in verify(db).invariants if each.violations]


def test_a_completed_copy_is_delivered_as_the_api_shows_it(api, shop, receiver, subscribe):
    hook = subscribe("order_copies.complete", include_resources=["target_order.line_items"])
    customer, address = shop.customer(mode="test"), shop.address(mode="test")
    order = shop.order(
        mode="test",
        customer_id=customer,
        billing_address_id=address,
        shipping_address_id=address,
        payment_source_id=shop.payment_source(wallet_of=customer, mode="test"),
    )
    copy = api.copy(make_order_id(order))["data"]["id"]
    drain()

    assert deliver_due().delivered == 1

    (request,) = receiver.requests
    shown = api.get(f"order_copies/{copy}", include="target_order.line_items")
    assert request.data["id"] == copy
    assert request.data["attributes"] == shown["data"]["attributes"]
    included = {each["id"]: each["attributes"] for each in json.loads(request.body)["included"]}
    assert included == {each["id"]: each["attributes"] for each in shown["included"]}
    assert request.headers["x-commercelayer-topic"] == "order_copies.complete"
    signature = sign_for_commerce_layer(hook["shared_secret"], request.body)
    assert request.headers["x-commercelayer-signature"] == signature
    StandardWebhook(hook["shared_secret"]).verify(request.body, request.headers)
    assert deliver_due().delivered == 0
    (delivery,) = api.get(f"webhooks/{hook['id']}/last_event_callbacks")["data"]
    assert delivery["attributes"]["response_code"] == "200"
    assert delivery["attributes"]["response_message"] == "thanks"
    assert delivery["attributes"]["payload"]["data"]["id"] == copy
    assert shop.row(EventCallback).tries == 1
    assert find_broken() == []


def test_a_batch_is_one_delivery_with_its_counts(api, shop, receiver, subscribe):
    subscribe("order_factory_batches.complete")
    orders = [shop.order(mode="test") for _ in range(3)]
    orders.append(shop.order(mode="test", shipping_address_id=None))
    linkage = [{"type": "orders", "id": make_order_id(key)} for key in orders]
    batch = api.post(
        "order_factory_batches",
        {
            "type": "order_factory_batches",
            "relationships": {"source_orders": {"data": linkage}},
        },
    )["data"]
    drain()
    drain()

    deliver_due()

    (request,) = receiver.requests
    body = json.loads(request.body)
    assert request.data["id"] == batch["id"]
    assert (body["meta"]["counts"]["completed"], body["meta"]["counts"]["failed"]) == (3, 1)
    assert body["links"]["report"].endswith(f"order_factory_batches/{batch['id']}/report")


def test_target_orders_have_events_while_a_webhook_is_subscribed(api, shop, receiver, subscribe):
    api.copy(make_order_id(shop.order(mode="test")))
    drain()
    assert shop.rows(Event, order_factory_id=None) == []
    for topic in ("orders.create", "orders.pending", "orders.place"):
        subscribe(topic)
    api.copy(make_order_id(shop.order(mode="test", lines=[("MUG", 1, 0)])), place_target_order=True)
    drain()

    deliver_due()

    topics = [each.headers["x-commercelayer-topic"] for each in receiver.requests]
    assert topics == ["orders.create", "orders.pending", "orders.place"]
    target = receiver.requests[0].data["id"]
    assert [each.data["id"] for each in receiver.requests] == [target] * 3
    names = [each["attributes"]["name"] for each in api.get(f"orders/{target}/events")["data"]]
    assert names == topics


def test_only_the_mode_and_the_topic_of_the_webhook_count(api, shop, receiver, subscribe):
    subscribe("customers.create")
    subscribe("recurring_order_copies.create", receiver.url("/others"))
    with begin() as db:
        event = {"name": "customers.create", "subject_id": 1, "mode": "live"}
        db.execute(insert(Event).values(created_at=utc_now(), **event))
    own_customer = customer(api)
    api.copy(make_order_id(shop.order(mode="test")))

    deliver_due()

    assert [(each.path, each.data["id"]) for each in receiver.requests] == [
        ("/hooks", own_customer)
    ]


def test_a_webhook_gets_only_events_after_its_creation(api, receiver, subscribe):
    customer(api, 1)
    subscribe("customers.create")
    later = customer(api, 2)

    deliver_due()

    assert [each.data["id"] for each in receiver.requests] == [later]


def test_an_event_that_is_rolled_back_is_not_sent(api, shop, receiver, subscribe):
    subscribe("customers.create")
    with pytest.raises(ZeroDivisionError), begin() as db:  # noqa: PT012
        event = {"name": "customers.create", "subject_id": 1, "mode": "test"}
        db.execute(insert(Event).values(created_at=utc_now(), **event))
        raise ZeroDivisionError

    assert deliver_due().delivered == 0
    assert receiver.requests == []


def test_a_failed_delivery_is_sent_again_under_the_same_id_until_it_succeeds(
    api, shop, receiver, subscribe
):
    subscribe("customers.create")
    customer(api)
    replies = iter([(500, "", b"no"), None, (302, "location: /else\r\n", b""), OK])
    receiver.reply = lambda _request: next(replies)

    while not receiver.requests or shop.row(EventCallback).status == "pending":
        deliver_due()

    assert len(receiver.requests) == 4
    assert len({(each.id, each.body, each.path) for each in receiver.requests}) == 1
    delivery = shop.row(EventCallback)
    assert (delivery.status, delivery.tries, delivery.response_code) == ("delivered", 4, "200")
    assert shop.row(Webhook).circuit_failure_count == 0
    assert find_broken() == []


def test_a_delivery_fails_after_its_last_attempt_and_can_be_triggered_again(
    api, shop, receiver, subscribe, monkeypatch
):
    monkeypatch.setenv("ORDER_FACTORY_WEBHOOK_TRIES", "3")
    webhook_settings.cache_clear()
    subscribe("customers.create")
    customer(api)
    receiver.reply = lambda _request: (410, "", b"gone")

    while len(receiver.requests) < 3:
        deliver_due()
    assert deliver_due().failed == 0
    first = shop.row(EventCallback)
    assert (first.status, first.tries, first.response_message) == ("failed", 3, "gone")
    receiver.reply = lambda _request: OK
    (event,) = api.get("events")["data"]
    trigger = {"type": "events", "id": event["id"], "attributes": {"_trigger": True}}
    api.patch(f"events/{event['id']}", trigger)
    deliver_due()

    assert len(receiver.requests) == 4
    assert {each.id for each in receiver.requests} == {event["id"]}
    assert [each.status for each in shop.rows(EventCallback)] == ["failed", "delivered"]
    callbacks = api.get(f"events/{event['id']}/last_event_callbacks")["data"]
    assert [each["attributes"]["status"] for each in callbacks] == ["failed", "delivered"]
    assert find_broken() == []


def test_events_about_one_row_arrive_in_order_though_the_first_fails(
    api, shop, receiver, subscribe
):
    for event in ("create", "start", "complete"):
        subscribe(f"order_copies.{event}")
    copies = {api.copy(make_order_id(shop.order(mode="test")))["data"]["id"] for _ in range(3)}
    drain()
    failed = set()

    def fail_once(request):
        if request.id in failed:
            return OK
        failed.add(request.id)
        return (503, "", b"")

    receiver.reply = fail_once
    while any(each.status == "pending" for each in shop.rows(EventCallback)) or not failed:
        deliver_due()

    for copy in copies:
        topics = [
            each.headers["x-commercelayer-topic"]
            for each in receiver.requests
            if each.data["id"] == copy
        ]
        events = [name.partition(".")[2] for name in topics]
        assert events == ["create", "create", "start", "start", "complete", "complete"]


def test_a_delivery_behind_many_that_wait_is_sent(api, receiver, subscribe, monkeypatch):
    monkeypatch.setattr(due, "AT_ONCE", 1)
    monkeypatch.setenv("ORDER_FACTORY_WEBHOOK_FIRST_PAUSE_SECONDS", "3600")
    webhook_settings.cache_clear()
    subscribe("customers.create")
    event = {"name": "customers.create", "mode": "test", "created_at": utc_now()}
    with begin() as db:
        db.execute(insert(Event), [{"subject_id": key, **event} for key in (1, 1, 1, 2)])
    receiver.reply = lambda _request: (500, "", b"")

    deliver_due()

    assert [each.data["id"] for each in receiver.requests] == [
        public_id(Resource.customers, key) for key in (1, 2)
    ]


def test_the_circuit_opens_after_failures_and_closes_by_itself(api, shop, receiver, subscribe):
    hook = subscribe("customers.create")
    for number in range(40):
        customer(api, number)
    receiver.reply = lambda _request: (500, "", b"")
    while shop.row(Webhook).circuit_state != "open":
        deliver_due()
    receiver.requests.clear()
    change(Webhook, shop.row(Webhook).id, circuit_retry_at=utc_now().replace(year=2100))
    deliver_due()
    assert receiver.requests == [], "an open circuit sends nothing"
    assert api.get(f"webhooks/{hook['id']}")["data"]["attributes"]["circuit_state"] == "open"

    receiver.reply = lambda _request: OK
    change(Webhook, shop.row(Webhook).id, circuit_retry_at=utc_now())
    while any(each.status == "pending" for each in shop.rows(EventCallback)):
        deliver_due()

    assert shop.row(Webhook).circuit_state == "closed"
    assert len(receiver.ids()) == 40
    assert find_broken() == []


def test_a_reset_closes_the_circuit(api, shop, receiver, subscribe):
    hook = subscribe("customers.create")
    customer(api)
    values = {"circuit_state": "open", "circuit_retry_at": utc_now().replace(year=2100)}
    change(Webhook, shop.row(Webhook).id, circuit_failure_count=30, **values)
    deliver_due()
    assert receiver.requests == []

    data = {"type": "webhooks", "id": hook["id"], "attributes": {"_reset_circuit": True}}
    shown = api.patch(f"webhooks/{hook['id']}", data)["data"]["attributes"]
    deliver_due()

    assert (shown["circuit_state"], shown["circuit_failure_count"]) == ("closed", 0)
    assert len(receiver.requests) == 1


def test_a_slow_receiver_does_not_delay_the_others(api, shop, receiver, subscribe, monkeypatch):
    """The other receiver has all of its deliveries while the first request still hangs."""
    monkeypatch.setenv("ORDER_FACTORY_WEBHOOK_ANSWER_SECONDS", "600")
    webhook_settings.cache_clear()
    with run_receiver() as dead:
        dead.reply = lambda _request: HANG
        subscribe("customers.create", dead.url())
        subscribe("customers.create")
        for number in range(20):
            customer(api, number)
        ended = threading.Event()
        settings = webhook_settings()
        thread = threading.Thread(
            target=lambda: send_due_deliveries(
                render_documents, settings, until_idle=False, is_ending=ended.is_set
            )
        )
        thread.start()
        try:
            for _ in range(3_000):
                if len(receiver.ids()) == 20 and dead.requests:
                    break
                ended.wait(0.02)
            assert len(receiver.ids()) == 20
            assert dead.requests
        finally:
            ended.set()
            dead.reply = lambda _request: OK
    thread.join(60)
    assert not thread.is_alive()


def test_a_copy_of_the_database_sends_nothing_until_it_is_adopted(api, shop, receiver, subscribe):
    subscribe("customers.create")
    customer(api)
    with begin() as db:
        db.execute(update(ShopIdentity).values(place="elsewhere"))

    deliver_due()
    assert receiver.requests == []
    with begin() as db:
        adopt_place(db)
    deliver_due()

    assert len(receiver.requests) == 1


def test_a_deleted_copy_is_delivered_as_it_was(api, shop, receiver, subscribe):
    subscribe("order_copies.create")
    subscribe("order_copies.destroy")
    copy = api.copy(make_order_id(shop.order(mode="test")), reference="mine")["data"]
    api.delete(f"order_copies/{copy['id']}")

    deliver_due()

    topics = [each.headers["x-commercelayer-topic"] for each in receiver.requests]
    assert topics == ["order_copies.create", "order_copies.destroy"]
    assert [each.data["attributes"] for each in receiver.requests] == [copy["attributes"]] * 2
    assert find_broken() == []


def test_the_log_is_kept_for_its_time_and_nothing_comes_twice(api, shop, receiver, subscribe):
    subscribe("customers.create")
    customer(api)
    deliver_due()
    assert prune_log(webhook_settings()) == 0
    change(EventCallback, shop.row(EventCallback).id, ended_at=utc_now().replace(year=2020))

    assert prune_log(webhook_settings()) == 1
    deliver_due()

    assert len(receiver.requests) == 1
    assert find_broken() == []


def test_events_that_commit_late_are_delivered_too(postgres_url, request, monkeypatch):
    """On PostgreSQL a later key can be committed first."""
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", postgres_url)
    request.getfixturevalue("receiver")
    from order_factory.tasks.webhooks.outbox import Outbox

    values = {"topic": "customers.create", "mode": "test", "shared_secret": "0" * 64}
    event = {"name": "customers.create", "mode": "test", "created_at": utc_now()}
    with begin() as db:
        db.execute(insert(Webhook).values(callback_url="https://shop.example", **values))
    outbox = Outbox()
    with begin() as late:
        late.execute(insert(Event).values(subject_id=1, **event))
        with begin() as early:
            early.execute(insert(Event).values(subject_id=2, **event))
        assert outbox.make_deliveries() == 1
        assert outbox.make_deliveries() == 0
    assert outbox.make_deliveries() == 1
    assert outbox.make_deliveries() == 0
    with reading() as db:
        assert db.execute(Webhook.__table__.select()).one().until_event_id == 2
