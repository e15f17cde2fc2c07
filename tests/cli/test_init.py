"""`order-factory init`."""

import uuid

import pytest
from sqlalchemy import text

from order_factory.models.database.engine import begin, get_engine
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


@pytest.mark.parametrize("command", ["init", "orders"])
def test_a_schema_newer_than_the_code_is_refused(shop, run, command):
    with begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    output = run(command)
    with begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = :was"), {"was": newest_version()})

    assert (output.code, output.out) == (2, "")
    assert "its schema is version 9999, which this order factory" in output.err
    assert "install the newer one" in output.err


def test_only_its_owner_reads_a_sqlite_file(run, tmp_path, monkeypatch):
    file = tmp_path / "folder" / "shop.db"
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", f"sqlite:///{file}")
    nothing = run("orders")
    was_made = file.parent.exists()

    run("init")
    modes = {path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    get_engine().dispose()

    assert (nothing.code, was_made) == (2, False)
    assert modes == {0o600}
