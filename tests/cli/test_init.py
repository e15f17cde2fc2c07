"""`order-factory init`."""

import uuid

import pytest

from order_factory.models.database.engine import get_engine
from order_factory.models.database.schema import newest_version


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request, monkeypatch, tmp_path):
    """The settings point at a database without tables."""
    url = f"sqlite:///{tmp_path}/new/shop.db"
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        name = f"empty_{uuid.uuid4().hex}"
        server.psql(f"CREATE DATABASE {name}")
        url = f"postgresql://postgres@/{name}?host={server.pgdata}"
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", url)
    yield
    get_engine().dispose()


@pytest.mark.usefixtures("empty_database")
def test_makes_the_tables_once(run):
    first = run("init", "--json")
    second = run("init", "--json")
    shown = run("init")
    listed = run("orders")

    assert (first.code, second.code, shown.code, listed.code) == (0, 0, 0, 0)
    newest = newest_version()
    assert (first.json["before"], first.json["after"]) == (None, newest)
    assert (second.json["before"], second.json["after"]) == (newest, newest)
    assert f"already at version {newest}, the newest" in shown.out
    assert listed.out.startswith("There are no such orders.")
