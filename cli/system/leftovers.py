"""Ending the processes of a system, at its normal end or after its own process was killed."""

import signal
from collections.abc import Callable
from time import monotonic

from order_factory.cli.system.processes import end, find_marked_processes
from order_factory.cli.system.state import FOLDER, forget_record, read_record

SECONDS_TO_END = 40.0


def end_leftovers(
    patience: float = SECONDS_TO_END, is_urgent: Callable[[], bool] = lambda: False
) -> list[str]:
    """End every process of this folder's system and delete its record; the names of the parts.

    Workers and their flow runs end before the server to which they report, and the database last.
    A process that takes longer than `patience` seconds is killed; when `is_urgent`, without waiting.
    """
    record = read_record()
    known = {part.name: part.process for part in record.parts if part.process} if record else {}
    running = {
        name: process
        for name, process_record in known.items()
        if (process := process_record.find())
    }
    last = [running[name].pid for name in ("server", "postgres") if name in running]
    ours = find_marked_processes(FOLDER.resolve())
    deadline = monotonic() + patience

    def remaining_seconds() -> float:
        return max(0.0, deadline - monotonic())

    if "postgres" in running:
        last += [child.pid for child in running["postgres"].children(recursive=True)]
    end([process for process in ours if process.pid not in last], remaining_seconds, is_urgent)
    if "server" in running:
        end([running["server"]], remaining_seconds, is_urgent)
    if "postgres" in running:
        # PostgreSQL's fast shutdown: open transactions are rolled back.
        end([running["postgres"]], remaining_seconds, is_urgent, number=signal.SIGINT)
    forget_record()
    return list(running) or (["a process"] if ours else [])
