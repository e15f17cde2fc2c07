"""Commands use the system that runs in their folder."""

import os

import pytest

from order_factory.cli.joining import join_running_system
from order_factory.cli.system.processes import ProcessRecord
from order_factory.cli.system.state import PartRecord, SystemRecord, hold_lock

SERVER = "http://127.0.0.1:24200"


@pytest.fixture
def record(monkeypatch):
    for name in ("PREFECT_API_URL", "ORDER_FACTORY_DATABASE_URL", "ORDER_FACTORY_API_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    return SystemRecord(
        supervisor=ProcessRecord.of(os.getpid()),
        parts=[
            PartRecord(name="server", process=None, url=SERVER),
            PartRecord(name="api", process=None, url="http://127.0.0.1:28000/api"),
        ],
        databases={"shop": "sqlite:///somewhere.db"},
    )


def read_urls():
    return os.environ.get("PREFECT_API_URL"), os.environ.get("ORDER_FACTORY_DATABASE_URL")


def test_a_running_system_is_used(record):
    with hold_lock():
        record.save()
        join_running_system()

    assert read_urls() == (f"{SERVER}/api", "sqlite:///somewhere.db")
    assert os.environ["ORDER_FACTORY_API_PUBLIC_URL"] == "http://127.0.0.1:28000"


def test_variables_that_are_set_take_precedence(record, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    record.databases = {"shop": "postgresql://shop:***@db/shop"}
    with hold_lock():
        record.save()
        join_running_system()

    assert read_urls() == ("http://elsewhere/api", None)


def test_a_stopped_system_is_not_used(record):
    with hold_lock():
        record.save()
    join_running_system()

    assert read_urls() == (None, None)
