"""The steps are tested as the functions that they are; flows have tests with a server."""

import pytest

import tasks.copying
from gateways.registry import forget_gateways
from tests.copying import plain_steps
from tests.paying import TestLedger


@pytest.fixture(autouse=True)
def _without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in plain_steps().items():
        monkeypatch.setattr(tasks.copying, name, value)


@pytest.fixture
def ledger(monkeypatch, tmp_path):
    """The ledger of a new gateway `test`, which waits for nothing between two tries."""
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setattr("gateways.calling.FIRST_PAUSE", 0.0)
    forget_gateways()
    yield TestLedger(tmp_path / "ledger.db")
    forget_gateways()
