"""The Prefect server of one command: it ends with the command, even with one that is killed."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow
# Starts a server, says its port and waits for ever, as a command in the middle of its work does.
COMMAND = """
import os, time
from order_factory.cli.temporary_prefect import TemporaryPrefect
server = TemporaryPrefect()
server.wait()
print(os.environ["PREFECT_API_URL"], flush=True)
time.sleep(600)
"""


@pytest.fixture
def command():
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")
    }
    command = [sys.executable, "-c", COMMAND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_server_is_left_running(command, number):
    assert b"http://127.0.0.1:" in command.stdout.readline()
    (server,) = psutil.Process(command.pid).children()

    command.send_signal(number)
    command.wait(30)

    wait_for(lambda: not server.is_running(), "the end of the server", 30)
    assert os.path.exists("var/prefect/prefect.db"), "the runs are shown by `up` in this folder"
