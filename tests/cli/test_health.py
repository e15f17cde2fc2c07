"""`order-factory health` and the other places that say that renewals are overdue."""

import asyncio
import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from starlette.requests import Request

from order_factory.api.health import make_readiness
from order_factory.api.watchdog import Watchdog
from order_factory.models.tables.base import utc_now
from tests.support.clones import mark_as_copy
from tests.support.subscriptions import subscribe


@pytest.fixture
def chat(monkeypatch):
    """The messages that were posted to an incoming webhook."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("ORDER_FACTORY_NOTIFY_URL", f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield posted
        server.shutdown()


@pytest.fixture
def overdue(shop):
    """A renewal that no run has taken up; the day since when."""
    since = utc_now().replace(microsecond=0) - timedelta(hours=3)
    subscribe(shop, frequency="daily", starts_at=since)
    return since


def test_a_healthy_system_prints_nothing_wrong(shop, run, chat):
    output = run("health", "--notify", "--json")

    assert (output.code, output.json["healthy"], output.json["notified"]) == (0, True, False)
    assert chat == []


def test_an_overdue_renewal_is_reported_everywhere(overdue, run, chat):
    output = run("health", "--notify")
    document = run("health", "--json").json
    answer = asyncio.run(make_readiness(None).ready(Request({"type": "http"})))
    watchdog = Watchdog()
    for _ in range(2):
        watchdog.look()

    sentence = f"1 renewal is overdue since {overdue:%Y-%m-%d %H:%M} UTC"
    assert output.code == 1
    assert output.out.startswith(sentence)
    assert (document["healthy"], document["overdue_renewals"]) == (False, 1)
    assert answer.status_code == 200
    assert json.loads(bytes(answer.body))["renewals_overdue_since"] == document["overdue_since"]
    assert [each["text"].startswith(sentence) for each in chat] == [True, True], "once each"


@pytest.mark.usefixtures("shop")
def test_a_copy_of_the_shop_is_not_healthy(run):
    with mark_as_copy():
        output = run("health")

    assert output.code == 1
    assert output.out.startswith("The database is a copy of a shop's, or was moved.")


def test_a_copy_of_the_shop_sends_no_notice(overdue, run, chat):
    with mark_as_copy():
        output = run("health", "--notify", "--json")
        Watchdog().look()

    assert (output.code, output.json["notified"], chat) == (1, False, [])


def test_the_service_reports_a_missing_database(run, monkeypatch, tmp_path):
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", f"sqlite:///{tmp_path}/none/shop.db")

    output = run("health")

    assert output.code == 1
    assert "there is no such file" in output.out
    assert not (tmp_path / "none").exists()
