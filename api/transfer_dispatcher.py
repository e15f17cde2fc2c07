"""The thread of the service that runs exports and imports.

The dispatcher has another thread, because a long export must not delay a copy.
"""

import logging
from threading import Event, Thread

from order_factory.api.logs import describe_failure
from order_factory.models.database.engine import reading
from order_factory.tasks.transfers.records import is_transfer_waiting

_log = logging.getLogger("order_factory.transfers")
_SECONDS_TO_END = 5.0


class TransferDispatcher:
    """Looks for exports and imports from time to time, and runs them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ending = Event()
        self._thread: Thread | None = None

    def start(self, api_url: str) -> None:
        """Begin, now that Prefect's server answers at this URL."""
        self._thread = Thread(
            target=self._run, args=(api_url,), name="transfer dispatcher", daemon=True
        )
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End. The next process continues the transfer that is running."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(min(seconds, _SECONDS_TO_END))

    def _run(self, api_url: str) -> None:
        from prefect.settings import PREFECT_API_URL, temporary_settings

        from order_factory.flows.transfer_records import transfer_records

        with temporary_settings({PREFECT_API_URL: api_url}):
            while not self._ending.wait(self._seconds):
                try:
                    with reading() as db:
                        waiting = is_transfer_waiting(db)
                    if waiting:
                        transfer_records()
                except Exception as error:  # noqa: BLE001  (the next try may succeed)
                    _log.error("transfer failed", extra={"failure": describe_failure(error)})
