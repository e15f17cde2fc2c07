"""The parts of a system: how each is started, watched and recorded."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from threading import Thread
from time import monotonic

from order_factory.cli.system.output import relay
from order_factory.cli.system.postgres import EmbeddedPostgres
from order_factory.cli.system.processes import ProcessRecord
from order_factory.cli.system.state import PartRecord
from order_factory.cli.system.surroundings import HOST, Ports
from order_factory.cli.terminal import Terminal

POOL = "order-factory"
RESTARTS, WITHIN_SECONDS = 3, 120.0


# Starts a process; returns its id when it is not a child of this process.
Starter = Callable[[], subprocess.Popen[str] | int]


class Part:
    """A process that runs as long as the system does."""

    def __init__(self, name: str, url: str | None, health: str, start: Starter) -> None:
        self.record = PartRecord(name=name, process=None, url=url, health=health)
        self._start = start
        self._child: subprocess.Popen[str] | None = None
        self._deaths: deque[float] = deque(maxlen=RESTARTS + 1)

    @property
    def name(self) -> str:
        return self.record.name

    def start(self) -> None:
        started = self._start()
        self._child = None if isinstance(started, int) else started
        pid = started if isinstance(started, int) else started.pid
        self.record.process = ProcessRecord.of(pid)

    def describe_end(self) -> str | None:
        """How the process ended, as words for a message; None while it runs."""
        if self._child is None:
            running = self.record.process is not None and self.record.process.find() is not None
            return None if running else "has ended"
        code = self._child.poll()
        if code is None:
            return None
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def count_death(self) -> int:
        """Count this death; returns the number of recent deaths."""
        now = monotonic()
        self._deaths.append(now)
        return sum(now - died < WITHIN_SECONDS for died in self._deaths)


def list_parts(terminal: Terminal, ports: Ports, postgres: EmbeddedPostgres | None) -> list[Part]:
    """The parts, in the order in which they must start."""
    api = f"{ports.ui_url}/api"

    def child(name: str, *arguments: str) -> Starter:
        return lambda: _start_child(terminal, name, [sys.executable, "-m", *arguments])

    where = ("--host", HOST, "--port")
    prefect = "order_factory.cli.prefect_server"
    server = child("server", prefect, "server", "start", *where, str(ports.prefect))
    program = "order_factory.cli.main"
    # The server listens on this machine only, so no other machine has a worker.
    worker = child("worker", program, "worker", "--name", "up", "--only-worker")
    service = child("api", program, "serve", *where, str(ports.api))
    workers = f"{api}/work_pools/{POOL}/workers/filter"
    parts = [
        Part("server", ports.ui_url, f"{api}/health", server),
        Part("worker", None, workers, worker),
        Part("api", f"{ports.api_url}/api", f"{ports.api_url}/ready", service),
    ]
    if postgres is not None:
        parts.insert(0, Part("postgres", None, postgres.sockets, lambda: postgres.start().pid))
    return parts


def _start_child(terminal: Terminal, name: str, command: Sequence[str]) -> subprocess.Popen[str]:
    """Start the process in its own session, which Ctrl-C does not reach. Show its output."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ},
    )
    assert process.stdout is not None
    Thread(target=relay, args=(terminal, name, process.stdout), daemon=True).start()
    return process
