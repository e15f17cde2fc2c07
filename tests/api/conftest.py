"""The service in this process, over the databases of the suite; it copies only where a test says so."""

from collections.abc import Iterator

import pytest

from order_factory.api.settings import api_settings
from tests.support.api_client import Api
from tests.support.shop import Shop


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Settings of the service are set in the environment and read anew."""
    monkeypatch.setenv("ORDER_FACTORY_API_DISPATCH", "false")
    api_settings.cache_clear()
    yield monkeypatch
    api_settings.cache_clear()


@pytest.fixture
def api(shop: Shop, configure: pytest.MonkeyPatch) -> Iterator[Api]:
    """A client of the service, with a token of test mode that may read and write."""
    with Api.running() as client:
        yield client
