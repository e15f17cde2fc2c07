"""Webhooks over HTTP: their rules, their secrets, their deletion."""

import pytest
from standardwebhooks import Webhook as StandardWebhook

from order_factory.models.tables import EventCallback, Webhook
from order_factory.models.values.topics import TOPICS
from order_factory.tasks.webhooks.signing import sign_for_commerce_layer
from tests.api.webhooks.conftest import deliver_due
from tests.api.webhooks.test_deliveries import customer
from tests.support.copying import change


def _patch(api, hook, **attributes):
    data = {"type": "webhooks", "id": hook["id"], "attributes": attributes}
    return api.patch(f"webhooks/{hook['id']}", data)["data"]["attributes"]


def test_the_secret_is_shown_once(api, shop, subscribe):
    hook = subscribe("orders.place")

    shown = api.get(f"webhooks/{hook['id']}")["data"]["attributes"]["shared_secret"]

    secret = shop.row(Webhook).shared_secret
    assert hook["shared_secret"] == secret
    assert len(secret) == 64
    assert shown == "****" + secret[-4:]
    renamed = _patch(api, hook, name="other")
    assert renamed["shared_secret"] == shown


def test_both_secrets_count_for_a_while_after_a_rotation(api, shop, receiver, subscribe):
    hook = subscribe("customers.create")

    new = _patch(api, hook, _rotate_secret=True)["shared_secret"]
    customer(api, 1)
    deliver_due()
    change(Webhook, shop.row(Webhook).id, previous_secret_until=shop.row(Webhook).created_at)
    customer(api, 2)
    deliver_due()

    during, after = receiver.requests
    old = hook["shared_secret"]
    assert new != old
    for secret in (old, new):
        StandardWebhook(secret).verify(during.body, during.headers)
    signature = during.headers["x-commercelayer-signature"]
    assert signature == sign_for_commerce_layer(old, during.body)
    assert len(after.headers["webhook-signature"].split()) == 1
    StandardWebhook(new).verify(after.body, after.headers)
    signature = after.headers["x-commercelayer-signature"]
    assert signature == sign_for_commerce_layer(new, after.body)


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"topic": "orders.paint"}, "topic"),
        ({"topic": "order_copies.wait"}, "topic"),
        ({"topic": None}, "topic"),
        ({"callback_url": "ftp://shop.example/"}, "callback_url"),
        ({"callback_url": "https://me:pass@shop.example/"}, "callback_url"),
        ({"callback_url": "https://shop.example/a b"}, "callback_url"),
        ({"callback_url": 5}, "callback_url"),
        ({"include_resources": ["nobody"]}, "include_resources"),
        ({"include_resources": "customer"}, "include_resources"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused(api, shop, receiver, attributes, pointer):
    valid = {"topic": "orders.place", "callback_url": "https://shop.example/"}
    data = {"type": "webhooks", "attributes": valid | attributes}

    errors = api.post("webhooks", data, expect=422)["errors"]

    assert [each["source"]["pointer"] for each in errors] == [f"/data/attributes/{pointer}"]
    assert shop.rows(Webhook) == []


def test_a_disabled_webhook_gets_no_events_until_it_is_enabled(api, receiver, subscribe):
    hook = subscribe("customers.create")
    assert _patch(api, hook, _disable=True)["disabled_at"] is not None
    customer(api, 1)
    deliver_due()
    assert receiver.requests == []

    assert _patch(api, hook, _enable=True)["disabled_at"] is None
    own_customer = customer(api, 2)
    deliver_due()

    assert [each.data["id"] for each in receiver.requests] == [own_customer]


def test_deleting_a_webhook_deletes_its_deliveries(api, shop, receiver, subscribe):
    hook = subscribe("customers.create")
    customer(api)
    deliver_due()

    api.delete(f"webhooks/{hook['id']}")

    assert shop.rows(Webhook) == shop.rows(EventCallback) == []


def test_an_event_without_a_webhook_cannot_be_triggered(api, shop):
    customer(api)
    (event,) = api.get("events")["data"]

    data = {"type": "events", "id": event["id"], "attributes": {"_trigger": True}}
    (error,) = api.patch(f"events/{event['id']}", data, expect=422)["errors"]

    assert "no webhook is subscribed" in error["detail"]


def test_an_event_that_is_about_to_be_delivered_is_not_delivered_twice(api, receiver, subscribe):
    subscribe("customers.create")
    customer(api)
    (event,) = api.get("events")["data"]

    data = {"type": "events", "id": event["id"], "attributes": {"_trigger": True}}
    api.patch(f"events/{event['id']}", data)
    deliver_due()

    assert [each.id for each in receiver.requests] == [event["id"]]


def test_each_topic_can_be_subscribed_to(api, subscribe):
    for topic in TOPICS:
        subscribe(topic)

    assert api.get("webhooks")["meta"]["record_count"] == len(TOPICS)
