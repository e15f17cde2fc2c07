"""What the tests of payments share: a gateway `test` of their own."""

import pytest

from gateways.registry import forget_gateways
from tests.paying import TestLedger


@pytest.fixture
def ledger(monkeypatch, tmp_path):
    """The ledger of a new gateway `test`, which waits for nothing between two tries."""
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setattr("gateways.calling.FIRST_PAUSE", 0.0)
    forget_gateways()
    yield TestLedger(tmp_path / "ledger.db")
    forget_gateways()
