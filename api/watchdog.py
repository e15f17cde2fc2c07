"""A thread of the service that notifies once when renewals become overdue.

The service may run without Prefect's server and worker, so it can notice that they are missing.
"""

import logging
from threading import Event, Thread

from order_factory.api.logs import describe_failure
from order_factory.api.waiting_for_schema import wait_for_schema
from order_factory.tasks.subscriptions.watchdog import describe_overdue, find_overdue_now, notify

_log = logging.getLogger("order_factory.watchdog")
_SECONDS_BETWEEN_LOOKS = 300.0


class Watchdog:
    """Checks every five minutes, starting one minute after the start."""

    def __init__(self) -> None:
        self._ending = Event()
        self._is_overdue = False
        self._thread = Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        self._ending.set()
        self._thread.join(seconds)

    def look(self) -> None:
        """Log and notify if renewals have become overdue since the last check."""
        overdue = find_overdue_now()
        if overdue is not None and not self._is_overdue:
            text = describe_overdue(overdue)
            _log.error("renewals overdue", extra={"failure": text, "notified": notify(text)})
        self._is_overdue = overdue is not None

    def _run(self) -> None:
        pause = 60.0
        while not self._ending.wait(pause) and wait_for_schema(self._ending, _log):
            pause = _SECONDS_BETWEEN_LOOKS
            try:
                self.look()
            except Exception as error:  # noqa: BLE001  (the next look may succeed)
                _log.error("watchdog failed", extra={"failure": describe_failure(error)})
