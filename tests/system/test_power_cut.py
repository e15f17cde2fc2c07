"""Everything is killed at once, as by a power cut, while the renewals run; then it is started again."""

import os
import time

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from order_factory.cli.system.processes import find_marked_processes
from order_factory.cli.system.state import FOLDER
from tests.system.conftest import begin_deployment, program, start, wait_for

pytestmark = pytest.mark.slow
HOURLY = "run-order-subscriptions/hourly"
# How long after its start the run is cut off. Each cut takes half a minute or more, so further ones,
# from before the run is taken up to after its first heartbeat, are for a longer night:
# ORDER_FACTORY_TEST_POWER_CUTS="0 2 5 9 35".
SECONDS = os.environ.get("ORDER_FACTORY_TEST_POWER_CUTS", "2").split()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with the settings of nobody."""
    monkeypatch.chdir(tmp_path)
    for name in ("ORDER_FACTORY_DATABASE_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_WORKER_QUERY_SECONDS", "1")
    yield tmp_path
    program("down")


def kill_everything(system):
    """SIGKILL for the system's own process and for every process that it has started."""
    processes = [*find_marked_processes(FOLDER.resolve()), psutil.Process(system.process.pid)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=20)
    system.process.wait()


def end_of(client, run):
    """The final state of a flow run, once it has one."""

    def state():
        found = client.read_flow_run(run.id).state
        return found if found.is_final() else None

    return wait_for(state, f"the end of {run.name}")


def test_renewals_go_on_after_power_cuts(folder):
    system = start(folder)
    for seconds in SECONDS:
        with temporary_settings({PREFECT_API_URL: system.document["prefect_api"]}):
            cut = begin_deployment(HOURLY, timeout=0)
        time.sleep(float(seconds))
        kill_everything(system)

        system = start(folder)

        with (
            temporary_settings({PREFECT_API_URL: system.document["prefect_api"]}),
            get_client(sync_client=True) as client,
        ):
            end_of(client, cut)
            after = end_of(client, begin_deployment(HOURLY, timeout=0))
            if after.name == "Cancelled":  # on the hour, the run of the schedule has the slot
                after = end_of(client, begin_deployment(HOURLY, timeout=0))
        assert after.name == "Completed", f"cut after {seconds} s: {after}"
    program("down")
    assert system.process.wait(300) == 0
