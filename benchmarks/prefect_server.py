"""The benchmark's own Prefect server, in its own folder, with the shipped settings."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

_STARTS_WITHIN_SECONDS = 120
# The settings of pyproject.toml, which Prefect reads only in that folder. The heartbeat would add
# a second to every flow run in this process.
SETTINGS = {
    "PREFECT_FLOWS": '{"heartbeat_frequency": null}',
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "DO_NOT_TRACK": "1",
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1):
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise RuntimeError(f"Prefect's server did not start; see {folder / 'server.log'}.")


@contextmanager
def prefect_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run a server with an empty database. Yields the environment with which processes find it.

    The contents of the folder are deleted first. Raises `RuntimeError` if it does not start.
    """
    # The data of earlier runs would slow this run down.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    settings = {**SETTINGS, "PREFECT_HOME": str(folder)}
    start = [sys.executable, "-m", "prefect", "server", "start", "--no-ui"]
    command = [*start, "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_for(url, process, folder)
        yield {**settings, "PREFECT_API_URL": url}
    finally:
        process.terminate()
        process.wait()
