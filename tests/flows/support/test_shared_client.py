"""The client of Prefect's server: opened once for the calls of a process, and nowhere in the way."""

import ssl
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from httpx import ConnectError, MockTransport
from prefect import flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.context import SyncClientContext
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Completed, Failed

from order_factory.flows.support.shared_client import (
    _SharedClient,
    shared_client,
    wait_for_server_once,
)
from order_factory.flows.support.shop_flow import shop_flow

# Every flow asks its database once, so there is one.
pytestmark = [
    pytest.mark.usefixtures("prefect", "shop"),
    pytest.mark.parametrize("shop", ["sqlite"], indirect=True),
]


def get_client_in_use() -> SyncPrefectClient:
    """The client that Prefect uses here."""
    return get_client(sync_client=True)


@shop_flow(name="shows its client")
def shows() -> int:
    client = get_client_in_use()
    assert client.hello().status_code == 200
    return id(client)


@flow(name="of someone else")
def of_someone_else() -> tuple[int, int]:
    return id(get_client_in_use()), shows()


def test_calls_share_a_client_which_stays_open():
    assert shows() == shows()


def test_several_threads_share_the_client():
    with ThreadPoolExecutor(4) as pool:
        used = list(pool.map(lambda _: shows(), range(8)))

    assert set(used) == {shows()}


def test_a_call_in_a_flow_run_uses_the_client_of_the_run():
    own, of_the_call = of_someone_else()

    assert own == of_the_call != shows()


def test_a_call_leaves_no_client_context():
    shows()

    assert SyncClientContext.get() is None


def test_other_settings_have_another_client():
    usual = shows()
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 7}):
        assert shows() != usual


def test_no_client_is_shared_with_a_temporary_server():
    with temporary_settings({PREFECT_API_URL: None}), shared_client():
        assert SyncClientContext.get() is None


def shows_in_a_fork(_nothing):
    with shared_client():
        return id(get_client_in_use())


def test_a_forked_process_has_its_own_client():
    with shared_client():
        ours = id(get_client_in_use())

    with get_context("fork").Pool(1) as pool:
        (shown_there,) = pool.map(shows_in_a_fork, [None])

    assert shown_there != ours


def test_a_failed_call_keeps_the_shared_client_open():
    @shop_flow(name="fails")
    def fails():
        raise ValueError("so it does")

    usual = shows()
    with pytest.raises(ValueError, match="so it does"):
        fails()

    assert shows() == usual


def test_the_result_storage_is_looked_up_once_a_minute(monkeypatch):
    requests = []
    answer = SyncPrefectClient.read_server_default_result_storage

    def ask(client):
        requests.append(client)
        return answer(client)

    monkeypatch.setattr(SyncPrefectClient, "read_server_default_result_storage", ask)
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 8}):
        shows()
        shows()
        once = len(requests)
        monkeypatch.setattr(
            "order_factory.flows.support.shared_client.monotonic", lambda: monotonic() + 61
        )
        shows()

    assert (once, len(requests)) == (1, 2)


@pytest.mark.parametrize("started_by_a_worker", [False, True])
def test_a_run_waits_once_for_an_unreachable_server(monkeypatch, started_by_a_worker):
    requests, seconds = [], []
    own = SyncClientContext.get_or_create() if started_by_a_worker else shared_client()

    def refuse(request):
        requests.append(request.url.path)
        seconds.append(request.extensions["timeout"]["read"])
        raise ConnectError("refused")

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 1}), own:
        wait_for_server_once()
        wait_for_server_once()
        client, run = get_client_in_use(), uuid4()
        client.hello()
        with monkeypatch.context() as patched:
            patched.setattr(client._client, "_transport", MockTransport(refuse))
            with pytest.raises(ConnectError):
                client.set_flow_run_state(run, Completed())
            first = len(requests)
            with pytest.raises(ConnectError):
                client.set_flow_run_state(run, Failed())
        client.hello()
        with pytest.raises(ObjectNotFound):
            client.set_flow_run_state(run, Failed())

    assert (first, len(requests)) == (2, 3)
    assert seconds == [20, 10, 20]  # how long each try waits for a server that hangs


@pytest.mark.parametrize(
    ("api_url", "reads_certificates"),
    [
        ("http://127.0.0.1:4200/api", False),
        ("http://localhost:4200/api", False),
        ("http://prefect.example/api", True),  # it may redirect to https
        ("https://127.0.0.1:4200/api", True),
    ],
)
def test_a_client_of_a_local_server_reads_no_certificates(api_url, reads_certificates):
    client: Any = _SharedClient(api_url)._client

    context = client._transport._pool._ssl_context
    assert bool(context.get_ca_certs()) == reads_certificates
    assert context.verify_mode == ssl.CERT_REQUIRED
