"""`order-factory webhooks`: create, list, test, reset, rotate, log, delete."""

import json

import pytest

from order_factory.cli.main import main
from order_factory.models.tables import Webhook
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.webhooks.settings import webhook_settings
from tests.support.copying import change
from tests.support.receiver import run_receiver


@pytest.fixture
def receiver(monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES", "true")
    webhook_settings.cache_clear()
    with run_receiver() as receiver:
        yield receiver
    webhook_settings.cache_clear()


def test_a_webhook_is_created_changed_and_deleted(shop, receiver, capsys):
    def run(*arguments, code=0):
        assert main(["webhooks", *arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    order = shop.order()
    made = run("create", "orders.place", receiver.url(), "--include", "line_items")
    (listed,) = run("list")["webhooks"]
    tested = run("test", made["id"])
    change(Webhook, shop.row(Webhook).id, circuit_state="open", circuit_retry_at=utc_now())
    run("reset", made["id"])
    rotated = run("rotate", made["id"])

    assert (listed["id"], listed["topic"]) == (made["id"], "orders.place")
    assert made["shared_secret"] not in json.dumps(listed)
    assert tested == {"code": 200, "message": "thanks", "succeeded": True}
    (request,) = receiver.requests
    assert request.data["id"] == public_id(Resource.orders, order)
    assert request.id.startswith("test_")
    assert shop.row(Webhook).circuit_state == "closed"
    assert rotated["shared_secret"] != made["shared_secret"]
    assert run("log", made["id"]) == {"deliveries": []}
    receiver.reply = lambda _request: (500, "", b"no")
    assert run("test", made["id"], code=1)["code"] == 500
    run("delete", made["id"])
    assert run("list") == {"webhooks": []}


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "orders.paint", "https://shop.example/"),
        ("create", "orders.place", "https://shop.example/", "--include", "nobody"),
        ("create", "orders.place", "shop.example"),
        ("test", "nobody"),
        ("log", "nobody"),
    ],
)
def test_impossible_values_are_refused(shop, capsys, arguments):
    assert main(["webhooks", *arguments]) == 2
    assert capsys.readouterr().err != ""
    assert shop.rows(Webhook) == []
