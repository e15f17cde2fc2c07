"""Limiting how long a process waits at its end to send its last events and logs to Prefect.

Prefect sends them in the background, and at the end of the process it waits until all are sent. If
the server is gone, it tries each of them for about ten seconds, which may take many minutes.
"""

import threading
from functools import cache
from typing import Any

from prefect._internal.concurrency.services import QueueService

SECONDS = 15.0


@cache
def limit_end_of_process() -> None:
    """At the end of this process, drop events and logs that are not sent within `SECONDS`.

    Call it once Prefect has begun to send, because the exit handler registered last runs first.
    """
    threading._register_atexit(_drop_unsent)  # type: ignore[attr-defined]


def _drop_unsent() -> None:
    instances: dict[int, QueueService[Any]] = QueueService._instances  # type: ignore[misc]
    services = tuple(instances.values())
    sending = [(service._loop, service._task) for service in services]
    QueueService.drain_all(timeout=SECONDS)
    for loop, task in sending:
        if loop is not None and task is not None:
            loop.call_soon_threadsafe(task.cancel)
