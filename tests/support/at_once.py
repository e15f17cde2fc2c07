"""Doing the same thing in several threads that start together."""

import threading
from collections.abc import Callable


def at_once(*works: Callable[[], object]) -> None:
    """Do each of these in a thread of its own, all at once; raises what one of them raised."""
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
