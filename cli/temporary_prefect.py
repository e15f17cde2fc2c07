"""A temporary Prefect server for one command, when there is no other; it ends with the command.

The server runs this module: `python -m order_factory.cli.temporary_prefect PORT`. Prefect can start
a server itself, but only after its own import, which takes longer; and a killed command would leave
that server running.
"""

import atexit
import gc
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from order_factory.cli.prefect_server import prepare_sqlite
from order_factory.cli.prefect_tables import has_current_tables, prepare_prefect_database

_HOST = "127.0.0.1"
_SECONDS_TO_START = 90.0
_SECONDS_TO_END = 5.0
_DATABASE = "PREFECT_API_DATABASE_CONNECTION_URL"
_MIGRATE = "PREFECT_API_DATABASE_MIGRATE_ON_START"


class TemporaryPrefect:
    """A server that starts while the command imports its own modules."""

    def __init__(self) -> None:
        """Start the server and set PREFECT_API_URL; the server does not answer yet."""
        self._port = _find_free_port()
        own = dict(SETTINGS)
        # The database of `order-factory up` in this folder: its UI then shows the runs.
        if _DATABASE not in os.environ and "PREFECT_HOME" not in os.environ:
            file = Path("var/prefect/prefect.db").resolve()
            file.parent.mkdir(parents=True, exist_ok=True)
            prepare_prefect_database(file)
            os.environ[_DATABASE] = f"sqlite+aiosqlite:///{file}"
            if has_current_tables(file):
                own[_MIGRATE] = "false"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "order_factory.cli.temporary_prefect", str(self._port)],
            # The server ends when this pipe closes; the kernel closes it even for a killed command.
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C goes to a whole process group, and a run needs its server to end in order.
            start_new_session=True,
            env={**os.environ, **own},
        )
        os.environ["PREFECT_API_URL"] = f"http://{_HOST}:{self._port}/api"
        atexit.register(self._end)

    def wait(self) -> None:
        """Return when the server answers. Raises `OSError` if it ends or takes too long."""
        opener = build_opener(ProxyHandler({}))
        deadline = time.monotonic() + _SECONDS_TO_START
        while True:
            try:
                opener.open(f"http://{_HOST}:{self._port}/api/health", timeout=5).close()
                return
            except (URLError, ConnectionError, TimeoutError):
                if self._process.poll() is not None:
                    raise OSError(f"it ended with code {self._process.returncode}") from None
                if time.monotonic() > deadline:
                    raise OSError(f"no answer in {_SECONDS_TO_START:.0f} seconds") from None
                time.sleep(0.05)

    def _end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


SETTINGS = {
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    "PREFECT_UI_ENABLED": "0",
    # A command uses no blocks; `up` and a server of your own register them.
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
}


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    """Serve until standard input is closed."""
    gc.disable()  # makes the import a tenth faster
    prepare_sqlite()
    import uvicorn
    from prefect.server.api.server import create_app

    gc.freeze()
    gc.enable()
    config = uvicorn.Config(
        create_app,
        factory=True,
        host=_HOST,
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)

    def end_with_the_command() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True
        time.sleep(_SECONDS_TO_END)
        os._exit(1)

    Thread(target=end_with_the_command, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
