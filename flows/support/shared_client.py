"""A client of Prefect's server that stays open between the flow calls of a process.

Prefect makes a new client for each call. Reading certificates, connecting and asking for a token
then takes longer than copying an order.
"""

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from threading import Lock
from time import monotonic
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import ServerDefaultResultStorage
from prefect.client.schemas.responses import OrchestrationResult
from prefect.context import ContextModel, SyncClientContext
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, get_current_settings

from order_factory.flows.support.quick_retries import limit_answer_time, retry_soon
from order_factory.tasks.prefect_ui.prefect_calls import is_away, limit_retries, try_call

_REMEMBERED_SECONDS = 60


@contextmanager
def shared_client() -> Iterator[None]:
    """Inside the block, Prefect uses the shared client in this thread.

    The block does nothing when a client is open already (as in a flow run), or when Prefect starts
    a temporary server: only Prefect knows its address.
    """
    api_url = get_current_settings().api.url
    if SyncClientContext.get() is not None or not api_url:
        yield
        return
    with _BorrowedClient(_open_client(api_url)):
        yield


def wait_for_server_once() -> None:
    """Let the client of the run that a worker started wait only once for a server that is gone.

    Such a run has a client of Prefect's own.
    """
    context = SyncClientContext.get()
    if context is None or isinstance(context.client, _SharedClient):
        return
    client: Any = context.client
    if not isinstance(client.set_flow_run_state, _StateSetter):
        client.set_flow_run_state = _StateSetter(client)


class _StateSetter:
    """Sets the state of a flow run, and waits for a server that is gone only once.

    When the last state of a run cannot be set, Prefect sets a failed state instead. That is tried
    once, because the first state was retried for a minute.
    """

    def __init__(self, client: SyncPrefectClient) -> None:
        self._set: Callable[..., OrchestrationResult[Any]] = client.set_flow_run_state
        self._is_away = False
        client._client.event_hooks["request"] += [limit_answer_time]
        client._client.event_hooks["response"] += [retry_soon, self._note_answer]

    def __call__(self, *args: Any, **options: Any) -> OrchestrationResult[Any]:
        try:
            with limit_retries(0) if self._is_away else nullcontext():
                return self._set(*args, **options)
        except httpx.HTTPError as error:
            self._is_away = is_away(error)
            raise

    def _note_answer(self, _response: httpx.Response) -> None:
        self._is_away = False


class _SharedClient(SyncPrefectClient):
    """Spares requests, and waits for a server that is gone only once.

    Prefect asks for the server's default result storage three times in each call; it is cached for
    a minute.
    """

    def __init__(self, api_url: str) -> None:
        super().__init__(
            api_url,
            auth_string=PREFECT_API_AUTH_STRING.value(),
            api_key=PREFECT_API_KEY.value(),
            httpx_settings=_choose_settings(api_url),
        )
        self.set_flow_run_state = _StateSetter(self)  # type: ignore[method-assign]
        self._storage: ServerDefaultResultStorage | None = None
        self._known_until = 0.0

    def read_server_default_result_storage(self) -> ServerDefaultResultStorage:
        if self._storage is None:
            self._storage = super().read_server_default_result_storage()
            self._known_until = monotonic() + _REMEMBERED_SECONDS
        elif monotonic() > self._known_until:
            # A server that gives no answer now has not changed it.
            read = super().read_server_default_result_storage
            self._storage = try_call(read) or self._storage
            self._known_until = monotonic() + _REMEMBERED_SECONDS
        return self._storage


def _choose_settings(api_url: str) -> dict[str, Any]:
    """Return settings without certificates for a server on this machine that uses plain http.

    Reading the certificates takes 20 milliseconds. Without them, a redirect to https is refused.
    """
    address = urlsplit(api_url)
    if address.scheme == "http" and address.hostname in ("127.0.0.1", "localhost", "::1"):
        return {"verify": SSLContext(PROTOCOL_TLS_CLIENT)}
    return {}


class _BorrowedClient(SyncClientContext):
    """A client context of Prefect that leaves its client open at the end."""

    def __init__(self, client: SyncPrefectClient) -> None:
        ContextModel.__init__(self, client=client)

    def __enter__(self) -> Self:
        if get_current_settings().client.server_version_check_enabled:
            self.client.raise_for_api_version_mismatch_once()
        ContextModel.__enter__(self)
        return self

    def __exit__(self, *error: object) -> None:
        ContextModel.__exit__(self, *error)


_open_clients: list[tuple[Any, SyncPrefectClient]] = []
_lock = Lock()


def _open_client(api_url: str) -> SyncPrefectClient:
    """The open client for the current settings; each process has its own."""
    settings = get_current_settings()
    settings_key = os.getpid(), settings.api, settings.client
    with _lock:
        for opened_for, client in _open_clients:
            if opened_for == settings_key:
                return client
        client = _SharedClient(api_url)
        client.__enter__()
        atexit.register(_close, os.getpid(), client)
        _open_clients.append((settings_key, client))
        return client


def _close(opened_by: int, client: SyncPrefectClient) -> None:
    """Close the client at the end of the process that opened it; a forked process leaves it open."""
    if os.getpid() == opened_by:
        client.__exit__(None, None, None)
