"""What the tests of gateways share: settings of their own, and steps without Prefect."""

import pytest

from order_factory.gateways.registry import forget_gateways


@pytest.fixture
def tests_gateways(monkeypatch):
    """Gateways that are set up by this test alone, and wait for nothing between two tries."""
    monkeypatch.setattr("order_factory.gateways.calling.FIRST_PAUSE", 0.0)
    yield
    forget_gateways()
