"""The processes of a system: which are ours, and how they end."""

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from pydantic import BaseModel

# Every process of a system has this in its environment, with the system's folder: children of
# children have it too, whoever their parent is by now.
MARK = "ORDER_FACTORY_SYSTEM"
# A clock that was set meanwhile moves the time at which a process is said to have started.
_CLOCK_SECONDS = 2.0


class ProcessRecord(BaseModel, frozen=True):
    """A process, told from a later one with the same number by the time at which it started."""

    pid: int
    started_at: float

    @classmethod
    def of(cls, pid: int) -> "ProcessRecord":
        """Raises `psutil.NoSuchProcess` where it has ended."""
        return cls(pid=pid, started_at=psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The process, unless it has ended; a stranger that got its number is not it."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at) < _CLOCK_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def marked(folder: Path) -> list[psutil.Process]:
    """Every process of the system of this folder, but this one."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue  # it has just ended, or belongs to somebody else
    return found


def end(
    processes: Iterable[psutil.Process],
    patience: Callable[[], float],
    is_urgent: Callable[[], bool],
    number: signal.Signals = signal.SIGTERM,
) -> None:
    """Ask the processes to end, and kill those that have not when the patience is over."""
    left = list(processes)
    _each(left, lambda process: process.send_signal(number))
    while left and patience() > 0 and not is_urgent():
        _, left = psutil.wait_procs(left, timeout=0.2)
    _each(left, lambda process: process.kill())
    psutil.wait_procs(left, timeout=5)


def _each(processes: list[psutil.Process], do: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            do(process)
        except psutil.NoSuchProcess:
            continue
