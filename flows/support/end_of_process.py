"""How long a process waits at its end for Prefect's server to take its last events and log lines.

Prefect sends them in the background, and at the end of the process it waits until all are sent. To
a server that is gone it tries each of them for some ten seconds, which may come to many minutes.
"""

import threading
from functools import cache
from typing import Any

from prefect._internal.concurrency.services import QueueService

SECONDS = 15.0


@cache
def limit_end_of_process() -> None:
    """Give up after `SECONDS` what Prefect's server has not taken by then; once per process.

    To be called where Prefect has begun to send: what is registered last is called first.
    """
    threading._register_atexit(_give_up)  # type: ignore[attr-defined]


def _give_up() -> None:
    kept: dict[int, QueueService[Any]] = QueueService._instances  # type: ignore[misc]
    services = tuple(kept.values())
    sending = [(service._loop, service._task) for service in services]
    QueueService.drain_all(timeout=SECONDS)
    for loop, task in sending:
        if loop is not None and task is not None:
            loop.call_soon_threadsafe(task.cancel)
