"""Fixtures of tests with several processes, some of which are killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from order_factory.gateways.registry import forget_gateways
from tests.support.paying import TestLedger


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestLedger]:
    """The ledger of a slow gateway that all processes share."""
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LATENCY_MS", "10")
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_CONCURRENCY", "4")
    forget_gateways()
    yield TestLedger(tmp_path / "ledger.db")
    forget_gateways()
