"""The dispatcher: a thread of the service that copies the requested orders.

It runs when a request of this service has stored something, and checks from time to time for
requests of other services. The requests are rows of the database, so nothing is lost with this
process: the next dispatcher finds them.
"""

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import Any, Protocol

import httpx

from order_factory.api.logs import describe_failure
from order_factory.api.settings import ApiSettings
from order_factory.api.transfer_dispatcher import TransferDispatcher
from order_factory.api.waiting_for_schema import wait_for_schema
from order_factory.models.database.engine import reading
from order_factory.tasks.batches.pending import is_anything_waiting

_log = logging.getLogger("order_factory.dispatcher")
_ROUNDS_ON_A_WORKER = 1_000
_LONGEST_PAUSE = 30.0
_MANY = 100
_LONGEST_REST = 0.5
# A run that takes longer would keep the service from ending.
_ROUNDS_HERE = 5
_SECONDS_BETWEEN_EVENTS = 15.0
_SECONDS_BETWEEN_QUESTIONS = 2.0
_SECONDS_TO_ANSWER = 2.0


def require_prefect_at(api_url: str) -> None:
    """Raise `httpx.HTTPError` unless the Prefect server with this API URL answers."""
    httpx.get(f"{api_url}/health", timeout=_SECONDS_TO_ANSWER).raise_for_status()


class CopyStarter(Protocol):
    """Starts the copying of pending orders, in this process or another."""

    def start(self) -> None: ...

    def wake(self) -> None: ...

    def require_prefect(self) -> None: ...

    def stop(self, seconds: float) -> None: ...


class Dispatcher:
    """Copies in this process, or starts a deployment that copies, or publishes an event."""

    def __init__(
        self,
        settings: ApiSettings,
        on_ready: Callable[[str], None] = lambda _url: None,
        start_prefect: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_ready` is called with the URL of Prefect's API once orders can be copied.

        `start_prefect` starts a Prefect server if none is configured, and waits for its answer.
        """
        self._settings = settings
        self._start_prefect = start_prefect
        self._on_ready = on_ready
        self._woken = Event()
        self._ending = Event()
        self._started_run: Any = None
        self._publish_at = 0.0
        self._api_url: str | None = None
        self._asked_at = 0.0
        self._asking = Lock()
        self._thread = Thread(target=self._run, name="dispatcher", daemon=True)
        self._transfers = TransferDispatcher(settings.dispatch_seconds)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Check for pending orders now, and not only at the next interval."""
        self._woken.set()

    def stop(self, seconds: float) -> None:
        """End after the current transaction. The remaining orders stay pending."""
        self._ending.set()
        self._woken.set()
        self._thread.join(seconds)
        self._transfers.stop(seconds)

    def require_prefect(self) -> None:
        """Raise an exception unless copying is ready and Prefect answers."""
        if self._api_url is None:
            raise RuntimeError("Prefect was not reached yet.")
        with self._asking:
            if monotonic() > self._asked_at + _SECONDS_BETWEEN_QUESTIONS:
                require_prefect_at(self._api_url)
                self._asked_at = monotonic()

    def _run(self) -> None:
        # Prefect takes two seconds to import. The service already answers requests.
        from prefect.settings import PREFECT_API_URL, temporary_settings

        failures = 0
        self._woken.set()
        while not self._ending.is_set():
            pause = self._settings.dispatch_seconds * 2**failures
            self._woken.wait(min(pause, _LONGEST_PAUSE))
            self._woken.clear()
            try:
                if not wait_for_schema(self._ending, _log):
                    break
                self._warm_up()
                # With the address of the server, all runs share one connection.
                with temporary_settings({PREFECT_API_URL: self._api_url}):
                    # If a gateway does not answer, check less often.
                    failures = 0 if self._work_off() else min(failures + 1, 5)
            except Exception as error:  # noqa: BLE001  (the next try may succeed)
                failures = min(failures + 1, 5)
                _log.error("dispatch failed", extra={"failure": describe_failure(error)})

    def _warm_up(self) -> None:
        """Import Prefect and check that its server answers. The first copy then need not wait.

        If no server is configured, one is started here, which takes some seconds.
        """
        if self._api_url is not None:
            return
        self._start_prefect()
        import order_factory.flows.drain_order_factories  # noqa: F401
        from order_factory.tasks.prefect_ui.prefect_calls import open_client

        with open_client() as client:
            failure = client.api_healthcheck()
            if failure is not None:
                raise failure
            self._api_url = str(client.api_url).rstrip("/")
        self._on_ready(self._api_url)
        self._transfers.start(self._api_url)
        _log.info("ready to copy")

    def _work_off(self) -> bool:
        """Copy while orders are pending and runs make progress. Returns whether all are copied."""
        while not self._ending.is_set():
            with reading() as db:
                if not is_anything_waiting(db):
                    return True
            if self._settings.dispatch_event:
                self._publish()
                return True
            if self._settings.dispatch_deployment is not None:
                self._start_deployment(self._settings.dispatch_deployment)
                return True
            began = monotonic()
            closed = self._copy()
            if not closed:
                return False  # others have claimed the rest, or a gateway does not answer
            if closed >= _MANY:
                # Under load, few large transactions: a pause of the length of the last run.
                sleep(min(monotonic() - began, _LONGEST_REST))
        return True

    def _publish(self) -> None:
        """Publish the event for Prefect's automations, unless one was published just before."""
        if monotonic() < self._publish_at:
            return
        from order_factory.tasks.prefect_ui.events import publish_waiting

        publish_waiting()
        self._publish_at = monotonic() + _SECONDS_BETWEEN_EVENTS
        _log.info("event published")

    def _copy(self) -> int:
        # Prefect takes two seconds to import. The service already answers requests.
        from order_factory.flows.drain_order_factories import drain_order_factories
        from order_factory.models.results.copies import CopiesFailed

        try:
            closed = drain_order_factories(self._settings.dispatch_size, _ROUNDS_HERE)
        except CopiesFailed as failed:
            closed = failed.closed  # the orders failed, and the dispatcher did its work
        _log.info("copied", extra={"closed": closed})
        return closed

    def _start_deployment(self, name: str) -> None:
        """Start the deployment, unless its last run is still running."""
        from prefect.deployments import run_deployment

        from order_factory.tasks.prefect_ui.prefect_calls import RETRIES, limit_retries, open_client

        if self._started_run is not None:
            with open_client() as client:
                state = client.read_flow_run(self._started_run.id).state
            if state is not None and not state.is_final():
                return
        parameters = {"size": self._settings.dispatch_size, "rounds": _ROUNDS_ON_A_WORKER}
        with limit_retries(RETRIES):
            self._started_run = run_deployment(name, parameters=parameters, timeout=0)
        _log.info("deployment started", extra={"flow_run": str(self._started_run.id)})
