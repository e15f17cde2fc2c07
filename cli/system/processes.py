"""The processes of a system: finding them and ending them."""

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from pydantic import BaseModel

# Every process of a system has this variable with the system's folder in its environment. Children
# inherit it, even after their parent has ended.
MARK = "ORDER_FACTORY_SYSTEM"
# When the clock is set, the reported start time of a process moves.
_CLOCK_SECONDS = 2.0


class ProcessRecord(BaseModel, frozen=True):
    """A process; its start time distinguishes it from a later process with the same id."""

    pid: int
    started_at: float

    @classmethod
    def of(cls, pid: int) -> "ProcessRecord":
        """The record of a process. Raises `psutil.NoSuchProcess` when it has ended."""
        return cls(pid=pid, started_at=psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The process, or None when it has ended, even if another process has its id now."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started_at) < _CLOCK_SECONDS
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def find_marked_processes(folder: Path) -> list[psutil.Process]:
    """Every process of this folder's system, except this one."""
    processes = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(folder):
                processes.append(process)
        except (psutil.Error, OSError):
            continue  # it has just ended, or belongs to somebody else
    return processes


def end(
    processes: Iterable[psutil.Process],
    patience: Callable[[], float],
    is_urgent: Callable[[], bool],
    number: signal.Signals = signal.SIGTERM,
) -> None:
    """Ask the processes to end, and kill those that still run when the patience is over."""
    running = list(processes)
    _signal_each(running, lambda process: process.send_signal(number))
    while running and patience() > 0 and not is_urgent():
        _, running = psutil.wait_procs(running, timeout=0.2)
    _signal_each(running, lambda process: process.kill())
    psutil.wait_procs(running, timeout=5)


def _signal_each(processes: list[psutil.Process], do: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            do(process)
        except psutil.NoSuchProcess:
            continue
