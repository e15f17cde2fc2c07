"""Flows are tested with a Prefect server; the steps have tests of their own."""

import pytest

from order_factory.gateways.registry import forget_gateways
from tests.support.paying import TestLedger


@pytest.fixture
def ledger(monkeypatch, tmp_path):
    """The ledger of a new gateway `test`, which waits for nothing between two tries."""
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setattr("order_factory.gateways.calling.FIRST_PAUSE", 0.0)
    forget_gateways()
    yield TestLedger(tmp_path / "ledger.db")
    forget_gateways()
