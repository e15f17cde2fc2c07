"""The service in this process, over the databases of the suite; it copies only where a test says so."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from order_factory.api.settings import api_settings
from tests.support.api_client import Api
from tests.support.shop import Shop

SDK = "@commercelayer/sdk@7.12.1"


@pytest.fixture(scope="session")
def sdk_folder(tmp_path_factory):
    """A folder where Node finds the SDK."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed, which the official SDK needs")
    folder = tmp_path_factory.mktemp("sdk")
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), SDK]
    done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"npm could not install {SDK}")
    return folder


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Set settings of the service in the environment; the service reads them again."""
    monkeypatch.setenv("ORDER_FACTORY_API_DISPATCH", "false")
    monkeypatch.setenv("ORDER_FACTORY_API_DISPATCH_WEBHOOKS", "false")
    api_settings.cache_clear()
    yield monkeypatch
    api_settings.cache_clear()


@pytest.fixture
def api(shop: Shop, configure: pytest.MonkeyPatch) -> Iterator[Api]:
    """A client of the service, with a token of test mode that may read and write."""
    with Api.connect() as client:
        yield client
