"""One system for all tests of this folder: `order-factory up` on its own ports."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import delete, text

from order_factory.models.database.engine import begin, get_engine
from order_factory.models.tables import ShopIdentity
from order_factory.models.tables.base import Base
from order_factory.tasks.working_set.statements import table_of
from tests.support.ports import find_free_port
from tests.support.shop import Shop
from tests.support.waiting import SECONDS

# Its types are those of an asynchronous function, but no event loop runs here.
begin_deployment = cast(Callable[..., FlowRun], run_deployment)


def program(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run `order-factory` with these arguments in the current folder."""
    command = [sys.executable, "-m", "order_factory.cli.main", *arguments]
    return subprocess.run(command, text=True, capture_output=True, check=False, **options)


@dataclass
class System:
    """A running system: its process, the document of its start, and its log."""

    process: "subprocess.Popen[str]"
    document: dict[str, Any]
    log: Path

    def part(self, name: str) -> psutil.Process:
        """The process of a part, from `status`."""
        status = json.loads(program("status", "--json").stdout)
        pids = {part["name"]: part["pid"] for part in status["parts"]}
        return psutil.Process(pids[name])


@pytest.fixture(scope="package")
def system(tmp_path_factory):
    """A system on SQLite. Its HTTP service publishes an event for pending orders, and copies none."""
    folder = tmp_path_factory.mktemp("system")
    with pytest.MonkeyPatch.context() as changed:
        changed.chdir(folder)
        changed.delenv("ORDER_FACTORY_DATABASE_URL", raising=False)
        changed.delenv("PREFECT_API_URL", raising=False)
        changed.setenv("PREFECT_WORKER_QUERY_SECONDS", "1")
        changed.setenv("ORDER_FACTORY_API_DISPATCH_EVENT", "true")
        changed.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        running = start(folder)
        changed.setenv("ORDER_FACTORY_DATABASE_URL", running.document["databases"]["shop"])
        with temporary_settings({PREFECT_API_URL: running.document["prefect_api"]}):
            EventsWorker.drain_all()  # a worker of other tests still sends to their server
            yield running
            EventsWorker.drain_all()
        get_engine().dispose()
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(SECONDS)
        program("down")


def start(folder: Path, *options: str) -> System:
    ports = ["--port", str(find_free_port()), "--prefect-port", str(find_free_port()), *options]
    log = folder / "up.log"
    with log.open("a") as log_file:
        process = subprocess.Popen(
            [sys.executable, "-m", "order_factory.cli.main", "up", "--json", *ports],
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
            env={**os.environ},
        )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            break
    process.stdout.close()
    document = json.loads("".join(lines) or "{}")
    if "databases" not in document:
        process.wait(SECONDS)
        raise AssertionError(f"it did not start: {document} {log.read_text()}")
    return System(process, document, log)


def delete_all_rows() -> None:
    """Empty the shop of the running system, which is on SQLite; it stays the same shop."""
    with begin() as db:
        db.execute(text("PRAGMA defer_foreign_keys = ON"))
        for table in Base.metadata.sorted_tables:
            if table is not table_of(ShopIdentity):
                db.execute(delete(table))


@pytest.fixture(scope="package")
def shop_of_the_system(system):
    return Shop()


@pytest.fixture
def shop(shop_of_the_system, request):
    """The shop of the system. A test that is run again finds no row of its first try."""
    if getattr(request.node, "execution_count", 1) > 1:
        delete_all_rows()
    return shop_of_the_system


@pytest.fixture
def client(system):
    with get_client(sync_client=True) as client:
        yield client
