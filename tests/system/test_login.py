"""A system whose Prefect server asks for a login."""

import json

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from order_factory.models.database.engine import get_engine
from order_factory.models.tables import OrderFactory
from tests.support.ports import find_free_port
from tests.support.shop import Shop
from tests.system.conftest import begin_deployment, program, start

pytestmark = pytest.mark.slow
SERVER, CLIENT = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
LOGIN = "admin:secret"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, with the server's login as the only setting."""
    monkeypatch.chdir(tmp_path)
    for name in ("ORDER_FACTORY_DATABASE_URL", "PREFECT_API_URL", CLIENT):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_WORKER_QUERY_SECONDS", "1")
    monkeypatch.setenv(SERVER, LOGIN)
    yield tmp_path
    program("down")


def test_every_page_shows_the_login(folder, monkeypatch):
    system = start(folder)
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", system.document["databases"]["shop"])
    shop = Shop()
    for number in ("A1", "A2"):
        shop.order(number=number, lines=[("MUG", 1, 12_50)])

    ends = {name: program(name, "--json") for name in ("status", "health", "deploy")}
    copied = program("copy", "A1", "--json")
    client = {PREFECT_API_URL: system.document["prefect_api"], PREFECT_API_AUTH_STRING: LOGIN}
    with temporary_settings(client):
        run = begin_deployment(
            "order-factory/copy", parameters={"source_order": "A2"}, timeout=300, poll_interval=0.5
        )
    monkeypatch.setenv(CLIENT, "admin:guessed")
    refused = program("copy", "A1")
    status = program("status", "--json")

    assert {name: end.returncode for name, end in ends.items()} == dict.fromkeys(ends, 0)
    assert json.loads(copied.stdout)["status"] == "completed"
    assert run.state_name == "Completed"
    assert len(shop.rows(OrderFactory)) == 2, "what was refused has recorded nothing"
    assert refused.returncode == 2
    assert f"set {CLIENT} to its user:password" in refused.stderr
    problems = {part["name"]: part["problem"] for part in json.loads(status.stdout)["parts"]}
    assert problems["worker"] == f"refused the login; set {CLIENT} to its user:password"
    assert "secret" not in system.log.read_text()
    get_engine().dispose()
    monkeypatch.setenv(CLIENT, LOGIN)
    program("down")
    assert system.process.wait(300) == 0


def test_two_logins_that_differ_are_refused_at_once(folder, monkeypatch):
    monkeypatch.setenv(CLIENT, "admin:guessed")

    output = program("up", "--port", str(find_free_port()), "--prefect-port", str(find_free_port()))

    assert output.returncode == 2
    assert f"{CLIENT} and {SERVER} differ" in output.stderr
    assert "guessed" not in output.stderr
