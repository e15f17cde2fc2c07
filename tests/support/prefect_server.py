"""Prefect's test server, started as the command line starts its temporary server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, get_current_settings
from prefect.testing.utilities import prefect_test_harness

from order_factory.cli.prefect_tables import prepare_prefect_database
from order_factory.cli.temporary_prefect import SETTINGS


@contextmanager
def run_prefect() -> Iterator[None]:
    """Run flows against a server with an empty database of its own.

    Prefect's harness starts it with a hundred migrations, and its SQLite database can stop
    answering for a minute: see `order_factory.cli.prefect_server`.
    """
    processes: list[subprocess.Popen[bytes]] = []

    def start(server: SubprocessASGIServer) -> subprocess.Popen[bytes]:
        url = PREFECT_SERVER_DATABASE_CONNECTION_URL.value()
        prepare_prefect_database(Path(url.removeprefix("sqlite+aiosqlite:///")))
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "order_factory.cli.temporary_prefect", str(server.port)],
            stdin=subprocess.PIPE,  # the server ends when it is closed
            env={**os.environ, **SETTINGS, **settings},
        )
        processes.append(process)
        return process

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SubprocessASGIServer, "_run_uvicorn_command", start)
        with prefect_test_harness(server_startup_timeout=120):
            yield
    for process in processes:
        process.communicate()  # closes its standard input
