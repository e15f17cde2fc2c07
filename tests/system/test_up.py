"""`up`, `status` and `down`: the parts of a system start and end together."""

import json
import os
import signal
import socket

import httpx
import psutil
import pytest
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

from order_factory.cli.system.processes import find_marked_processes
from order_factory.cli.system.state import FOLDER
from tests.support.waiting import wait_for
from tests.system.conftest import program

pytestmark = pytest.mark.slow


def test_every_service_of_the_system_answers(system):
    result = program("status", "--json")

    status = json.loads(result.stdout)
    assert result.returncode == 0
    assert status["running"]
    assert {part["name"]: (part["up"], part["problem"]) for part in status["parts"]} == {
        "server": (True, None),
        "worker": (True, None),
        "api": (True, None),
    }
    with httpx.Client(trust_env=False) as browser:
        assert "<html" in browser.get(system.document["ui"]).text
        assert browser.get(f"{system.document['api']}/ready").status_code == 200
        assert browser.get(system.document["docs"]).status_code == 401


def test_the_system_is_not_started_twice(system):
    result = program("up")

    assert result.returncode == 2
    assert f"running already (process {system.process.pid})" in result.stderr


def test_a_part_whose_process_dies_is_started_again(system):
    before = system.part("api").pid

    os.kill(before, signal.SIGKILL)
    wait_for(lambda: program("status").returncode == 0, "the service")

    assert system.part("api").pid != before
    assert "api was killed by SIGKILL. It restarts in 1 s." in system.log.read_text()


@pytest.mark.parametrize("option", ["--port", "--prefect-port"])
def test_a_port_that_is_taken_is_reported(tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    other = {"--port": "--prefect-port", "--prefect-port": "--port"}[option]
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        result = program("up", option, str(port), other, "1")

    assert result.returncode == 2
    assert f"Port {port} is in use" in result.stderr or "Port 1 is in use" in result.stderr


def test_a_command_uses_the_system_of_its_folder(system, shop, client):
    shop.order(number="J1")

    output = program("copy", "J1")

    assert output.returncode == 0, output.stderr
    assert "temporary" not in output.stderr
    assert f"Connecting to Prefect's server at {system.document['prefect_api']}" in output.stderr
    named = FlowRunFilter(name=FlowRunFilterName(any_=["copy order J1"]))
    (run,) = client.read_flow_runs(flow_run_filter=named)
    assert run.state_name == "Completed"


def test_processes_left_by_a_killed_system_are_ended(system):
    system.process.kill()
    system.process.wait()

    orphaned = program("status")
    ended = program("down")
    nothing = program("down")

    assert orphaned.returncode == 1
    assert "The process that ran the system is gone" in orphaned.stdout
    assert ended.stdout == "Ended leftover parts: server, worker, api.\n"
    assert find_marked_processes(FOLDER.resolve()) == []
    assert nothing.stdout == "Nothing is running.\n"
    assert program("status").returncode == 1


def test_an_unrelated_process_with_the_same_pid_is_not_ended(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)
    stranger = {"pid": os.getppid(), "started_at": 1.0}
    record = {"supervisor": stranger, "parts": [{"name": "server", "process": stranger}]}
    (FOLDER / "system.json").write_text(json.dumps(record))

    result = program("down")

    assert result.stdout == "Nothing is running.\n"
    assert psutil.pid_exists(os.getppid())
