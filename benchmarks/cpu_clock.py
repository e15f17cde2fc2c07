"""The CPU time of a contender: of its process, its children, and the PostgreSQL server.

On a shared machine, it is more reliable than wall-clock time.
"""

import os
import resource
from pathlib import Path

import psycopg

_TICKS = os.sysconf("SC_CLK_TCK")
# Of the fields after the name: the parent, and the times of the process and its ended children.
_PARENT, _OWN, _ENDED = 1, slice(11, 13), slice(13, 15)


class CpuClock:
    """Counts the CPU seconds of this process and of the server at this URL.

    On systems without `/proc`, the server is not counted.
    """

    def __init__(self, url: str) -> None:
        self._server = DatabaseClock(url)

    def seconds(self) -> float:
        """Return the CPU seconds so far, including ended processes."""
        uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        own = sum(use.ru_utime + use.ru_stime for use in uses)
        return own + self._server.seconds()


class DatabaseClock:
    """Counts the processor seconds of the PostgreSQL server at this URL; 0 for SQLite.

    On systems without `/proc`, it is always 0.
    """

    def __init__(self, url: str) -> None:
        self._postmaster: int | None = None
        if url.startswith("postgresql") and Path("/proc/self/stat").exists():
            with psycopg.connect(url) as db:
                self._postmaster = int(_stat(db.info.backend_pid)[_PARENT])

    def seconds(self) -> float:
        """The processor seconds so far."""
        return 0.0 if self._postmaster is None else _server_seconds(self._postmaster)


def _stat(process: int | str) -> list[str]:
    # The name, in brackets, may contain spaces.
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def _server_seconds(postmaster: int) -> float:
    first = _stat(postmaster)
    ticks = sum(map(int, first[_OWN] + first[_ENDED]))
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = _stat(process)
        except OSError:
            continue  # it has just ended
        if fields[_PARENT] == str(postmaster):
            ticks += sum(map(int, fields[_OWN] + fields[_ENDED]))
    return ticks / _TICKS
