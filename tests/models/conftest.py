"""What the tests of the models share."""

import os

import pytest

from order_factory.models.database import engine
from order_factory.models.database.engine import get_engine


@pytest.fixture
def hasty(shop, monkeypatch):
    """The same SQLite database, through an engine that waits for no other writer."""
    url = os.environ["ORDER_FACTORY_DATABASE_URL"]
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0)
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", f"{url}?check_same_thread=false")
    yield
    get_engine().dispose()
