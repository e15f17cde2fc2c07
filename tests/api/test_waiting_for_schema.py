"""A service that is there before its database waits for it, and says so once."""

import logging
from threading import Event

from order_factory.api import waiting_for_schema
from order_factory.models.errors import DatabaseNotReady

LOG = logging.getLogger("tests.waiting")


def test_serve_waits_for_the_tables_and_logs_the_reason_once(monkeypatch, caplog):
    looks = []

    def require():
        looks.append(1)
        if len(looks) < 4:
            raise DatabaseNotReady("sqlite:///new.db", "it has no tables yet")

    monkeypatch.setattr(waiting_for_schema, "require_schema", require)
    monkeypatch.setattr(waiting_for_schema, "_SECONDS_BETWEEN_LOOKS", 0.0)
    ending = Event()

    assert waiting_for_schema.wait_for_schema(ending, LOG)

    assert len(looks) == 4
    assert [record.message for record in caplog.records] == ["waiting for the database"]
    ending.set()
    assert not waiting_for_schema.wait_for_schema(ending, LOG)
