"""The thread of the service that delivers webhooks.

Only one process delivers for a database. Another service, or the deployment, waits until it ends.
"""

import logging
from threading import Event, Thread

from order_factory.api.logs import describe_failure
from order_factory.api.waiting_for_schema import wait_for_schema
from order_factory.api.webhook_documents import render_documents
from order_factory.tasks.webhooks.delivering import send_due_deliveries
from order_factory.tasks.webhooks.settings import webhook_settings

_log = logging.getLogger("order_factory.webhooks")
_SECONDS_BETWEEN_TRIES = 2.0


class WebhookDispatcher:
    """Delivers until it is stopped."""

    def __init__(self) -> None:
        self._ending = Event()
        self._thread = Thread(target=self._run, name="webhook dispatcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End after the current delivery. The others stay pending."""
        self._ending.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while wait_for_schema(self._ending, _log):
            try:
                send_due_deliveries(
                    render_documents,
                    webhook_settings(),
                    until_idle=False,
                    is_ending=self._ending.is_set,
                    on_failure=self._report,
                )
            except Exception as error:  # noqa: BLE001  (the next try may succeed)
                self._report(error)
            self._ending.wait(_SECONDS_BETWEEN_TRIES)

    def _report(self, error: BaseException) -> None:
        _log.error("delivery failed", extra={"failure": describe_failure(error)})
