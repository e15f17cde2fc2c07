"""PostgreSQL crashes and restarts while a run copies or pays."""

import os
import shutil
import signal
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from order_factory.cli.system.postgres import start_server, wait_for_start
from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.gateways.registry import forget_gateways
from order_factory.models.database import retrying
from order_factory.models.database.engine import begin, get_engine
from order_factory.models.database.schema import upgrade
from order_factory.models.errors import OrderFactoryError
from order_factory.tasks import copy_orders
from order_factory.tasks.copying.recipe import STEPS
from tests.support.crashes.nights import (
    ENDINGS,
    make_expected_outcome,
    make_frame,
    make_selection,
    make_sources_of_all_kinds,
    read_outcome,
    read_statuses,
)
from tests.support.paying import TestLedger, make_payable_order
from tests.support.shop import Shop
from tests.support.verifying import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


@pytest.fixture(scope="module")
def unsteady():
    """A PostgreSQL server that the tests of this file may stop."""
    folder = Path(tempfile.mkdtemp(prefix="order-factory-unsteady-"))
    folder.chmod(0o755)
    server = start_server(folder / "data", cleanup_mode="stop")
    # The machine does not crash, so the data that the server has written is not lost.
    server.psql("ALTER SYSTEM SET fsync = off")
    server.psql("SELECT pg_reload_conf()")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shop(unsteady, tmp_path, monkeypatch):
    """An empty shop on that server."""
    monkeypatch.chdir(tmp_path)
    name = f"shop_{uuid.uuid4().hex}"
    unsteady.psql(f"CREATE DATABASE {name}")
    url = f"postgresql://postgres@/{name}?host={unsteady.pgdata}"
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", url)
    upgrade()
    yield Shop()
    get_engine().dispose()


@pytest.mark.parametrize("refused", [0, 2])
def test_a_call_succeeds_after_the_server_is_back(shop, unsteady, monkeypatch, refused):
    selection = make_selection(make_sources_of_all_kinds(shop), times=3)
    transactions = crash_in_the_second_transaction(monkeypatch, unsteady, back_in=3 + refused)

    result = bulk_order_factory(make_frame(selection), reference="night", batch_size=4)

    assert len(transactions) == 4 + refused
    assert (result.completed, result.failed, result.pending) == (9, 3, 0)
    assert read_outcome("night") == make_expected_outcome(times=3)


def test_the_next_run_finishes_after_the_server_was_unreachable(shop, unsteady, monkeypatch):
    selection = make_selection(make_sources_of_all_kinds(shop), times=3)

    with monkeypatch.context() as patched:
        patched.setattr(retrying, "PATIENCE_SECONDS", 1)
        crash_in_the_second_transaction(patched, unsteady, back_in=None)
        with pytest.raises(OrderFactoryError) as raised:
            bulk_order_factory(make_frame(selection), reference="night", batch_size=4)
    wait_for_start(unsteady.ensure_postgres_running)

    assert raised.value.status == 503
    assert read_statuses("night") == ENDINGS + ["pending"] * 8
    assert find_violations() == []
    assert (
        bulk_order_factory(
            make_frame(selection), reference="night", batch_size=4
        ).copied_in_this_run
        == 8
    )
    assert read_outcome("night") == make_expected_outcome(times=3)


def restart(server):
    crash(server)
    time.sleep(3)
    wait_for_start(server.ensure_postgres_running)


def end_all_sessions(server):
    """End also the session with the lock that proves that the run's process lives."""
    server.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'shop_%'"
    )


def set_time_limit(server):
    """Set a timeout that is shorter than a call of the gateway: waiting sessions are ended."""
    name = get_engine().url.database
    server.psql(f"ALTER DATABASE {name} SET idle_session_timeout = '500ms'")
    end_all_sessions(server)


@pytest.mark.parametrize("fault", [restart, end_all_sessions, set_time_limit])
def test_a_transient_error_during_payment_is_retried(shop, unsteady, monkeypatch, tmp_path, fault):
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LATENCY_MS", "100")
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_CONCURRENCY", "2")
    forget_gateways()
    ledger, orders = TestLedger(tmp_path / "ledger.db"), 60
    numbers = [shop.number_of(make_payable_order(shop)) for _ in range(orders)]

    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(bulk_order_factory, numbers, "night", place_target_order=True)
        deadline = time.monotonic() + 60
        while ledger.calls() < 5:
            assert time.monotonic() < deadline, "nothing is paid"
            time.sleep(0.02)
        fault(unsteady)
        result = run.result(120)

    forget_gateways()
    assert (result.completed, result.status) == (orders, "completed")
    assert result.report_path is not None
    assert ledger.charges() == [("authorize", 12_50)] * orders
    assert ledger.repeats() == 0
    assert find_violations() == []


def crash_in_the_second_transaction(monkeypatch, server, back_in):
    """Crash the server between two steps of the second transaction, and start it again.

    `back_in` counts the transactions that were tried, from 1; returns a list as long as that.
    """
    tried = []

    def begin_and_count():
        tried.append("transaction")
        if len(tried) == back_in:
            wait_for_start(server.ensure_postgres_running)
        return begin()

    def step(_db, _batch):
        if len(tried) == 2:
            crash(server)
        return 0

    STEPS.insert(4, step)
    monkeypatch.setattr(copy_orders, "begin", begin_and_count)
    return tried


def crash(server):
    """Stop the server immediately, with open transactions. It recovers at its next start."""
    lock_file = server.pgdata / "postmaster.pid"
    os.kill(server.get_pid(), signal.SIGQUIT)
    deadline = time.monotonic() + 30
    while lock_file.exists():
        assert time.monotonic() < deadline, "the server does not stop"
        time.sleep(0.01)
