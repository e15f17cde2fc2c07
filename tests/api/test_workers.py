"""`serve --workers`: several processes answer, one copies, and none is left behind."""

import os
import subprocess
import sys

import httpx
import psutil
import pytest
from prefect.settings import PREFECT_API_URL

from order_factory.api.processors import choose_processor
from order_factory.api.server import serve
from order_factory.models.errors import InvalidRequest
from order_factory.models.tables import OrderFactory
from tests.support.api_client import MEDIA_TYPE, make_linkage, make_order_id, make_token
from tests.support.verifying import find_violations
from tests.support.waiting import wait_for

SECONDS = 120


@pytest.fixture
def service(prefect, shop):
    """A service of two processes, and its URL."""
    command = [sys.executable, "-m", "order_factory.cli.main", "serve", "--port", "0"]
    environment = {
        **os.environ,
        "PREFECT_API_URL": PREFECT_API_URL.value(),
        # Only a wake-up lets it copy within the time that this test has.
        "ORDER_FACTORY_API_DISPATCH_SECONDS": "1000",
    }
    process = subprocess.Popen(
        [*command, "--workers", "2"], stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stderr is not None
    url = next(line.split()[-1] for line in process.stderr if "Listening on" in line)
    with process.stderr:
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        yield psutil.Process(process.pid), url
        process.kill()
        process.wait()
        drain.wait()


def listeners(service):
    """The processes that answer requests."""
    children = [each for each in service.children() if each.status() != psutil.STATUS_ZOMBIE]
    return [each for each in children if "spawn_main" in " ".join(each.cmdline())]


def ask_for_copy(url, token, source):
    data = {
        "type": "order_copies",
        "relationships": {"source_order": make_linkage("orders", source)},
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": MEDIA_TYPE}
    # A connection of its own: the kernel gives it to any of the processes.
    return httpx.post(f"{url}/order_copies", json={"data": data}, headers=headers, trust_env=False)


@pytest.mark.slow
def test_several_processes_answer_and_the_parent_copies(service, shop):
    parent, url = service
    ready = url.removesuffix("/api") + "/ready"
    source, token = make_order_id(shop.order()), make_token("live")
    first = listeners(parent)
    wait_for(lambda: httpx.get(ready, trust_env=False).status_code == 200, "ready", SECONDS)

    created = [ask_for_copy(url, token, source).status_code for _ in range(10)]
    wait_for(
        lambda: {r.status for r in shop.rows(OrderFactory)} == {"completed"}, "the copies", SECONDS
    )
    if choose_processor(0) is not None:
        chosen = [os.sched_getaffinity(each.pid) for each in first]
        assert [len(each) for each in chosen] == [1, 1], "each stays on one processor"
        assert chosen[0] != chosen[1]
    first[0].kill()
    replaced = wait_for(
        lambda: (now := listeners(parent)) != first and len(now) == 2 and now,
        "a new process",
        SECONDS,
    )
    wait_for(
        lambda: httpx.get(ready, trust_env=False).status_code == 200, "the new process", SECONDS
    )
    parent.kill()
    psutil.wait_procs(replaced, timeout=SECONDS)

    assert len(first) == 2
    assert created == [201] * 10
    assert not any(each.is_running() for each in replaced), "they end with their parent"
    assert find_violations() == []


def test_without_shared_ports_there_is_one_process(monkeypatch):
    monkeypatch.delattr("socket.SO_REUSEPORT")

    with pytest.raises(InvalidRequest, match="leave --workers out"):
        serve("127.0.0.1", 0, print, workers=2)
