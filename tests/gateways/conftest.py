"""Fixtures of the tests of gateways."""

import pytest

from order_factory.gateways.registry import forget_gateways


@pytest.fixture
def tests_gateways(monkeypatch):
    """Gateways with this test's own settings and no pause between two tries."""
    monkeypatch.setattr("order_factory.gateways.calling.FIRST_PAUSE", 0.0)
    yield
    forget_gateways()
