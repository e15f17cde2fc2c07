"""A service that is killed while it receives or reads a file: the batch is complete or absent."""

import json
import signal
import subprocess
import sys

import pytest

from order_factory.api.settings import api_settings
from order_factory.models.tables import (
    Event,
    OrderFactory,
    OrderFactoryBatch,
    StoredFile,
    StoredFilePiece,
)
from tests.support.api_client import Api, make_token
from tests.support.crashes.uploader import BATCHES, WHILE_READING, WHILE_SENDING, send
from tests.support.draining import drain
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow


@pytest.fixture
def live(shop, monkeypatch):
    """A client with a token of the mode live, because the orders of the shop are live."""
    monkeypatch.setenv("ORDER_FACTORY_API_DISPATCH", "false")
    monkeypatch.setenv("ORDER_FACTORY_API_DISPATCH_WEBHOOKS", "false")
    api_settings.cache_clear()
    with Api.connect() as api:
        yield api.with_token(make_token("live"))
    api_settings.cache_clear()


def test_each_kill_leaves_a_batch_or_none(shop, live):
    orders = [shop.order() for _ in range(3)]
    content = "source_order\n" + "\n".join(shop.number_of(order) for order in orders)
    left: dict[str, tuple[int, ...]] = {}

    command = [sys.executable, "-m", "tests.support.crashes.uploader", live.token, content]

    def kill(stage):
        assert uploader.stdin is not None
        assert uploader.stdout is not None
        uploader.stdin.write(f"{stage}\n")
        uploader.stdin.flush()
        assert uploader.stdout.readline().strip() == str(-signal.SIGKILL), stage
        assert find_violations() == [], stage
        left[stage] = tuple(
            len(shop.rows(each)) for each in (OrderFactoryBatch, StoredFile, OrderFactory)
        )

    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as uploader:
        for stage in WHILE_SENDING:
            kill(stage)
        answers = [send(live, content, "night") for _ in range(2)]
        for stage in WHILE_READING:
            kill(stage)
        uploader.communicate()
    drain()

    assert left == {
        "received": (0, 0, 0),
        "stored, not committed": (0, 0, 0),
        "committed, not answered": (1, 1, 0),
        "begun": (1, 1, 0),
        "checked": (1, 1, 0),
        "recorded, not committed": (1, 1, 0),
        "committed": (1, 0, 3),
    }
    assert [answer.status_code for answer in answers] == [201, 201]
    first, second = (json.loads(answer.text)["data"]["id"] for answer in answers)
    assert first == second
    assert [row.source_order_id for row in shop.rows(OrderFactory)] == orders
    assert {row.status for row in shop.rows(OrderFactory)} == {"completed"}
    attributes = live.get(f"{BATCHES}/{first}")["data"]["attributes"]
    assert (attributes["status"], attributes["orders_count"]) == ("completed", 3)
    assert shop.rows(StoredFilePiece) == []
    created = [event.name for event in shop.rows(Event)].count("order_factory_batches.create")
    assert created == 1
    assert find_violations() == []
