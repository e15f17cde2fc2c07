"""Prefect's server is killed in the middle of a run: the orders are copied and paid without it."""

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.models.database.engine import reading
from order_factory.models.tables import Order, OrderFactory
from tests.support.paying import TestLedger, make_payable_order
from tests.support.ports import find_free_port, wait_for_url
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow
ORDERS = 120
SECONDS = 180


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The process of this test's own Prefect server. The environment names its URL."""
    monkeypatch.chdir(tmp_path)
    port = find_free_port()
    database = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", database)
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{port}/api")
    # Prefect waits two seconds before it. Its default is five retries, which take a minute.
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "1")
    command = [sys.executable, "-m", "order_factory.cli.temporary_prefect", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as process:
        wait_for_url(f"http://127.0.0.1:{port}/api/health")
        yield process
        process.kill()


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LATENCY_MS", "100")
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_CONCURRENCY", "2")
    return TestLedger(tmp_path / "ledger.db")


def start_bulk(numbers):
    rows = "\n".join(["source_order", *numbers])
    Path("orders.csv").write_text(f"{rows}\n")
    command = Path(sys.executable).parent / "order-factory"
    batch = ["bulk", "orders.csv", "--reference", "night", "--batch-size", "40"]
    return subprocess.Popen([command, *batch, "--place-target-order"], stderr=subprocess.PIPE)


def count_statuses():
    with reading() as db:
        rows = select(Order.status, func.count()).group_by(Order.status)
        return Counter(dict(db.execute(rows).tuples().all()))


def wait_until(run, enough):
    deadline = time.monotonic() + SECONDS
    while not enough(count_statuses()):
        assert run.poll() is None, "the run has ended before"
        assert time.monotonic() < deadline, "the run does not get there"
        time.sleep(0.05)


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "moment",
    [lambda statuses: statuses["placing"] > 0, lambda statuses: statuses["placed"] > ORDERS],
    ids=["while it copies", "while it pays"],
)
def test_the_run_ends_in_time_and_pays_each_order_once(prefect, shop, server, ledger, moment):
    numbers = [shop.number_of(make_payable_order(shop)) for _ in range(ORDERS)]
    run = start_bulk(numbers)
    wait_until(run, moment)

    server.kill()
    _, output = run.communicate(timeout=SECONDS)

    assert run.returncode == 1
    assert "Prefect's server does not answer" in output.decode()
    assert {row.status for row in shop.rows(OrderFactory)} == {"completed"}
    result = bulk_order_factory(reference="night")
    assert (result.completed, result.copied_in_this_run) == (ORDERS, 0)
    assert ledger.charges() == [("authorize", 12_50)] * ORDERS
    assert ledger.repeats() == 0
    assert find_violations() == []
