"""A service that is killed under load: every request that it has answered is stored."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx
import pytest

from order_factory.models.tables import Event as StoredEvent
from order_factory.models.tables import OrderFactory
from order_factory.models.values.public_ids import Resource, parse_public_id
from tests.support.api_client import MEDIA_TYPE, make_linkage, make_order_id, make_token
from tests.support.draining import drain

pytestmark = pytest.mark.slow

CLIENTS = 16
REQUESTS = 60


def start_service():
    """The service as a process of its own; the process and its URL."""
    command = [sys.executable, "-m", "order_factory.cli.main", "serve", "--port", "0"]
    environment = {**os.environ, "ORDER_FACTORY_API_DISPATCH": "false"}
    service = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert service.stderr is not None
    url = next(line.split()[-1] for line in service.stderr if "Listening on" in line)
    return service, url


def ask_until(stop, url, token, source, answered):
    """Ask for copies one after the other; the ids of those that were answered."""
    data = {
        "type": "order_copies",
        "relationships": {"source_order": make_linkage("orders", source)},
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": MEDIA_TYPE}
    with httpx.Client(headers=headers, trust_env=False, timeout=10) as client:
        while not stop.is_set():
            try:
                response = client.post(f"{url}/order_copies", json={"data": data})
            except httpx.HTTPError:
                return
            assert response.status_code == 201, response.text
            answered.append(response.json()["data"]["id"])


def test_requests_that_a_killed_service_has_answered_are_stored_and_copied(shop):
    source, token = make_order_id(shop.order(mode="test")), make_token()
    service, url = start_service()
    stop = Event()
    answered: list[str] = []

    with ThreadPoolExecutor(CLIENTS) as clients:
        requests = [
            clients.submit(ask_until, stop, url, token, source, answered) for _ in range(CLIENTS)
        ]
        deadline = time.monotonic() + 30
        while len(answered) < REQUESTS and time.monotonic() < deadline:
            time.sleep(0.01)
        service.kill()
        stop.set()
        service.wait()
        for each in requests:
            each.result()
    service.stderr.close()

    assert len(answered) >= REQUESTS
    stored = {row.id: row.status for row in shop.rows(OrderFactory)}
    assert {parse_public_id(Resource.order_factories, name) for name in answered} <= stored.keys()
    # Each row is whole: a factory and the event that it was created.
    created = [event.order_factory_id for event in shop.rows(StoredEvent)]
    assert sorted(created) == sorted(stored)
    drain()
    assert {row.status for row in shop.rows(OrderFactory)} == {"completed"}
    assert len({row.target_order_id for row in shop.rows(OrderFactory)}) == len(stored)
