"""A briefly busy server is asked again quickly, and a lasting fault less often."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from order_factory.flows.support.shared_client import _SharedClient


@pytest.fixture
def busy(monkeypatch):
    """A server of Prefect's that is busy for some answers; the waits of its client."""
    answers: list[int] = []
    waits: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status = answers.pop(0) if answers else 200
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("prefect.client.base.time.sleep", waits.append)
    monkeypatch.setattr("prefect.client.base.PREFECT_CLIENT_RETRY_JITTER_FACTOR.value", lambda: 0)
    yield f"http://127.0.0.1:{server.server_port}/api", answers, waits
    server.shutdown()
    server.server_close()


def test_a_briefly_busy_server_costs_a_tenth_of_a_second(busy):
    url, answers, waits = busy
    answers += [503]

    with _SharedClient(url) as client:
        client._client.get("/health")
        answers += [503, 503, 503]
        client._client.get("/health")

    assert waits == pytest.approx([0.1, 0.1, 0.4, 1.6])


def test_a_call_fails_if_the_server_stays_busy(busy):
    url, answers, waits = busy
    answers += [503] * 6

    with _SharedClient(url) as client, pytest.raises(httpx.HTTPStatusError):
        client._client.get("/health")

    assert waits == pytest.approx([0.1, 0.4, 1.6, 6.4, 25.6, 30])
