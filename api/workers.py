"""Serving with several processes: each answers requests, and only their parent copies orders.

Each process listens on the port with its own socket, and the kernel distributes the connections.
uvicorn starts the processes and replaces those that die.
"""

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path
from threading import Thread
from typing import Any, cast

import uvicorn
from filelock import FileLock, Timeout
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from order_factory.api.app import SECONDS_TO_END, make_app, make_background_threads
from order_factory.api.dispatcher import Dispatcher, require_prefect_at
from order_factory.api.logs import set_up_logs
from order_factory.api.processors import choose_processor, count_processors
from order_factory.api.settings import api_settings
from order_factory.models.errors import InvalidRequest
from order_factory.tasks.reports.replacing import replace_file

# Requests pass between the threads of a process. With Python's switch interval of five
# milliseconds, each would wait longer for its turn than it takes to be answered.
SWITCH_SECONDS = 0.0005
# On a busy machine, a healthy process may answer late.
HEALTH_SECONDS = 30
_START_SECONDS = 60.0
# The environment variables with the parent's wake-up address and its folder. The files there: the
# URL of Prefect, and the counted requests.
_WAKE_PORT, _FOLDER = "_ORDER_FACTORY_WAKE_PORT", "_ORDER_FACTORY_PARENT_FOLDER"
_THIS_MACHINE = "127.0.0.1"
_PREFECT, _COUNTERS = "prefect", "counters"
# Held until this process ends.
_own_processor: list[FileLock] = []


def require_several_processes() -> None:
    """Raise `InvalidRequest` if the system cannot share a port among processes."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise InvalidRequest(
            "This system cannot share a port among processes; leave --workers out, and run "
            "several services behind a proxy instead."
        )


def share_port(family: int, address: tuple[Any, ...]) -> socket.socket:
    """Return a socket bound to an address on which several processes listen. Raises `OSError`."""
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(address)
    return bound


class _OwnSocket:
    """Becomes a socket of the process that receives it, bound to the shared address."""

    def __init__(self, shared: socket.socket) -> None:
        self._arguments = (int(shared.family), shared.getsockname())

    def __reduce__(self) -> tuple[Callable[..., socket.socket], tuple[Any, ...]]:
        return share_port, self._arguments


class _Processes(Multiprocess):
    """Reports once that all processes answer."""

    def __init__(
        self, config: uvicorn.Config, shared: socket.socket, announce: Callable[[], None]
    ) -> None:
        super().__init__(config, cast(list[socket.socket], [_OwnSocket(shared)]))
        self._announce = announce

    def init_processes(self) -> None:
        super().init_processes()
        if all(each.wait_until_ready(_START_SECONDS) for each in self.processes):
            self._announce()


class ParentDispatcher:
    """The dispatcher of the parent, as its processes use it."""

    def __init__(self, port: int, folder: Path) -> None:
        self._address = (_THIS_MACHINE, port)
        self._url_file = folder / _PREFECT
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def start(self) -> None:
        """The parent has started it."""

    def wake(self) -> None:
        """Wake the parent. If the message is lost, the parent checks some seconds later."""
        with suppress(OSError):
            self._socket.sendto(b"\0", self._address)

    def require_prefect(self) -> None:
        """Raise an exception unless the parent can copy and Prefect's server answers."""
        require_prefect_at(self._url_file.read_text())

    def stop(self, seconds: float) -> None:
        """The parent stops it."""
        self._socket.close()


def make_worker_app() -> Starlette:
    """The application of one process. The process ends with its parent, also if that is killed."""
    set_up_logs()
    sys.setswitchinterval(SWITCH_SECONDS)
    dispatcher = None
    if api_settings().dispatch:
        dispatcher = ParentDispatcher(int(os.environ[_WAKE_PORT]), Path(os.environ[_FOLDER]))
    Thread(target=_end_with_parent, name="parent", daemon=True).start()
    folder = Path(os.environ[_FOLDER])
    return make_app(dispatcher, [], folder / _COUNTERS, _claim_processor(folder))


def _claim_processor(folder: Path) -> int | None:
    """Return a processor that no other process has claimed; None if there is none left."""
    for number in range(count_processors()):
        lock = FileLock(folder / f"processor-{number}")
        with suppress(Timeout):
            lock.acquire(blocking=False)
            _own_processor.append(lock)
            return choose_processor(number)
    return None


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def serve_with_processes(
    config: uvicorn.Config,
    shared: socket.socket,
    announce: Callable[[], None],
    start_prefect: Callable[[], None],
) -> None:
    """Serve with `config.workers` processes until SIGINT or SIGTERM; `announce` when all answer."""
    settings, threads = api_settings(), make_background_threads()
    with (
        tempfile.TemporaryDirectory(prefix="order-factory-serve-") as folder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alarm,
    ):
        alarm.bind((_THIS_MACHINE, 0))
        os.environ |= {_WAKE_PORT: str(alarm.getsockname()[1]), _FOLDER: folder}
        if settings.dispatch:
            url_file = Path(folder, _PREFECT)
            dispatcher = Dispatcher(settings, lambda url: _note_url(url_file, url), start_prefect)
            Thread(
                target=_pass_on_wakeups, args=(alarm, dispatcher), name="alarm", daemon=True
            ).start()
            threads.append(dispatcher)
        for each in threads:
            each.start()
        _Processes(config, shared, announce).run()
        for each in threads:
            each.stop(SECONDS_TO_END)


def _pass_on_wakeups(alarm: socket.socket, dispatcher: Dispatcher) -> None:
    with suppress(OSError):
        while alarm.recv(1):
            dispatcher.wake()


def _note_url(path: Path, url: str) -> None:
    with replace_file(path) as part:
        part.write_text(url)
