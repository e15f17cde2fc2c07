"""The automations of the files under automations/, on a running server."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from order_factory.flows.order_factory import order_factory
from order_factory.models.results.copies import OrderFactoryFailed
from order_factory.models.values.public_ids import Resource, public_id
from tests.support.waiting import wait_for
from tests.system.conftest import program

pytestmark = pytest.mark.slow

FILES = sorted((Path(__file__).parents[2] / "automations").glob("*.yaml"))
NAMES = {yaml.safe_load(file.read_text())["name"] for file in FILES}
NOTIFYING = "Tell of failed copies"


@pytest.fixture
def webhook():
    """The URL of an incoming webhook, and its messages."""
    message: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            message.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}/", message
    server.shutdown()
    server.server_close()


def test_automations_are_created_once_and_report_failures_to_a_webhook(
    system, shop, client, webhook, monkeypatch
):
    url, messages = webhook
    before = {automation.name for automation in client.read_automations()}
    drain = client.find_automation("Copy what was asked for")
    client.pause_automation(drain.id)
    monkeypatch.setenv("PREFECT_API_URL", system.document["prefect_api"])
    monkeypatch.setenv("ORDER_FACTORY_NOTIFY_URL", url)

    applied = json.loads(program("deploy", "--json").stdout)
    after = client.read_automations()
    kept_off = client.find_automation("Copy what was asked for").enabled
    client.resume_automation(drain.id)
    order = shop.order(number="F1", lines=[("MUG", 0, 1_00)])
    with pytest.raises(OrderFactoryFailed):
        order_factory(shop.number_of(order))
    wait_for(lambda: messages, "the notification")

    assert before == NAMES - {NOTIFYING}
    assert set(applied["automations"]) == NAMES
    assert applied["left_out"] == []
    assert sorted(automation.name for automation in after) == sorted(NAMES)
    assert kept_off is False
    name = f"F1 ({public_id(Resource.orders, order)})"
    expected_message = (
        f"1 error while copying order {name}: line_items: SKU MUG: the quantity 0 is below 1"
    )
    assert messages == [f"order_factories.fail\n{expected_message}"]
