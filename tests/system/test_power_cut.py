"""All processes are killed together during renewals, as in a power cut, and started again."""

import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from order_factory.cli.system.processes import find_marked_processes
from order_factory.cli.system.state import FOLDER
from tests.support.waiting import wait_for
from tests.system.conftest import begin_deployment, program, start

pytestmark = pytest.mark.slow
HOURLY = "run-order-subscriptions/hourly"
# Seconds from the start of the run to the cut: before a worker takes it, while it runs, and after.
# Each cut takes half a minute or more. More of them are for a longer night. "0-40" means each
# second up to the time after the first heartbeat.
SECONDS = {
    "sqlite": os.environ.get("ORDER_FACTORY_TEST_POWER_CUTS", "2"),
    "postgres": os.environ.get("ORDER_FACTORY_TEST_POWER_CUTS_POSTGRES", ""),
}
on_request = pytest.mark.skipif(
    not SECONDS["postgres"], reason="takes minutes: set ORDER_FACTORY_TEST_POWER_CUTS_POSTGRES=8"
)
OPTIONS = {"sqlite": (), "postgres": ("--postgres",)}


@pytest.fixture
def folder(monkeypatch):
    """An empty folder without any settings.

    Not under pytest's own: the embedded PostgreSQL runs as a system user that must reach it.
    """
    folder = Path(tempfile.mkdtemp(prefix="order-factory-power-"))
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    for name in ("ORDER_FACTORY_DATABASE_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_WORKER_QUERY_SECONDS", "1")
    yield folder
    program("down")
    shutil.rmtree(folder, ignore_errors=True)


def kill_everything(system):
    """Kill the system's process and all its child processes with SIGKILL."""
    processes = [*find_marked_processes(FOLDER.resolve()), psutil.Process(system.process.pid)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=20)
    system.process.wait()


def end_of(client, run):
    """Wait for the final state of a flow run."""

    def state():
        run_state = client.read_flow_run(run.id).state
        return run_state if run_state.is_final() else None

    return wait_for(state, f"the end of {run.name}")


def seconds_of(text):
    """The seconds of a list such as `2 8 20` or `0-40`."""
    for part in text.split():
        first, _, last = part.partition("-")
        if last:
            yield from range(int(first), int(last) + 1)
        else:
            yield float(first)


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=on_request)])
def test_renewals_go_on_after_power_cuts(folder, database):
    options = OPTIONS[database]
    system = start(folder, *options)
    for seconds in seconds_of(SECONDS[database]):
        with temporary_settings({PREFECT_API_URL: system.document["prefect_api"]}):
            cut = begin_deployment(HOURLY, timeout=0)
        time.sleep(seconds)
        kill_everything(system)

        system = start(folder, *options)

        with (
            temporary_settings({PREFECT_API_URL: system.document["prefect_api"]}),
            get_client(sync_client=True) as client,
        ):
            end_of(client, cut)
            after = end_of(client, begin_deployment(HOURLY, timeout=0))
            if after.name == "Cancelled":  # on the hour, the run of the schedule has the slot
                after = end_of(client, begin_deployment(HOURLY, timeout=0))
        assert after.name == "Completed", f"cut after {seconds} s: {after}"
        print(f"{database}: cut after {seconds} s, and renewals go on")  # noqa: T201
    program("down")
    assert system.process.wait(60) == 0


def pid_of(name):
    """The process of a part, from `status`, also if it has just ended."""
    parts = json.loads(program("status", "--json").stdout)["parts"]
    return {part["name"]: part["pid"] for part in parts}[name]


@on_request
def test_the_system_restarts_a_killed_postgresql(folder):
    """Only the server is killed, several times: the system continues, and nothing is lost."""
    system = start(folder, "--postgres")
    (folder / "customers.csv").write_text("email\nann@shop.example\n")
    assert program("import", "customers.csv").returncode == 0
    for _ in range(2):
        before = pid_of("postgres")
        os.kill(before, signal.SIGKILL)
        wait_for(lambda killed=before: pid_of("postgres") != killed, "PostgreSQL")
        wait_for(lambda: program("status").returncode == 0, "every part")

    again = program("import", "customers.csv", "--json")
    assert system.process.poll() is None
    assert json.loads(again.stdout)["unchanged"] == 1
    program("down")
    assert system.process.wait(300) == 0
