"""A change of a status reaches whoever subscribed to it, signed, once, and in order."""

from standardwebhooks import Webhook as StandardWebhook

from order_factory.models.tables import EventCallback
from order_factory.tasks.webhooks.signing import commerce_layer_signature
from tests.api.webhooks.conftest import deliver_due
from tests.support.api_client import order_id
from tests.support.draining import drain


def test_a_completed_copy_is_delivered_as_the_api_shows_it(api, shop, receiver, subscribe):
    hook = subscribe("order_copies.complete", include_resources=["target_order.line_items"])
    copy = api.copy(order_id(shop.order(mode="test", lines=[("MUG", 2, 12_50)])))["data"]["id"]
    drain()

    assert deliver_due().delivered == 1

    (request,) = receiver.requests
    shown = api.get(f"order_copies/{copy}", include="target_order.line_items")
    assert request.data["id"] == copy
    assert request.data["attributes"] == shown["data"]["attributes"]
    assert request.headers["x-commercelayer-topic"] == "order_copies.complete"
    signature = commerce_layer_signature(hook["shared_secret"], request.body)
    assert request.headers["x-commercelayer-signature"] == signature
    StandardWebhook(hook["shared_secret"]).verify(request.body, request.headers)
    assert deliver_due().delivered == 0
    (delivery,) = api.get(f"webhooks/{hook['id']}/last_event_callbacks")["data"]
    assert delivery["attributes"]["response_code"] == "200"
    assert delivery["attributes"]["response_message"] == "thanks"
    assert delivery["attributes"]["payload"]["data"]["id"] == copy
    assert shop.row(EventCallback).tries == 1
