"""Doing the same thing in several threads that start together."""

import threading
from collections.abc import Callable


def run_together(*works: Callable[[], object]) -> None:
    """Run each function in its own thread, all at the same time. Raises the first exception."""
    start = threading.Barrier(len(works))
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait()
            work()
        except BaseException as error:  # noqa: BLE001  (it is raised below)
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
