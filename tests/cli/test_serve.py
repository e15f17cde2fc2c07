"""`order-factory serve`: says where it listens, or why it cannot."""

import os
import socket
import subprocess
import sys

import psutil
import pytest

from tests.support.waiting import wait_for


def test_a_database_without_tables_is_reported_first(run):
    output = run("serve", "--port", "0")

    assert output.code == 2
    assert "order-factory init" in output.err


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_port_that_is_taken_is_reported(run, shop):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        output = run("serve", "--port", str(port))

    assert output.code == 2
    assert f"127.0.0.1:{port} cannot be used to listen on" in output.err


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_killed_service_leaves_no_prefect_server_running(shop, workers):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")
    }
    command = [sys.executable, "-m", "order_factory.cli.main", "serve", "--port", "0"]
    command += ["--workers", str(workers)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as service:
        log = service.stderr
        assert log is not None
        wait_for(lambda: "ready to copy" in log.readline(), "Prefect's answer", 90)
        started = psutil.Process(service.pid).children(recursive=True)
        (server,) = [each for each in started if "temporary_prefect" in " ".join(each.cmdline())]

        service.kill()

        wait_for(lambda: not server.is_running(), "the end of the server", 30)
        assert not [each for each in started if "prefect" in " ".join(_command_of(each))]


def _command_of(process):
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
