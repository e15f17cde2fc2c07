"""Prefect's tables, made from a script instead of by its migrations."""

import pytest

from order_factory.cli.prefect_tables import (
    SCRIPT,
    dump_tables,
    has_current_tables,
    prepare_prefect_database,
)
from tests.support.prefect_tables import migrate_and_dump


def lines_of(script):
    """The lines in any order: migrations write a table's constraints in another one each time."""
    return sorted(line.strip().removesuffix(",") for line in script.splitlines())


@pytest.mark.slow
def test_the_script_creates_the_same_tables_as_prefects_migrations():
    made = migrate_and_dump()

    assert lines_of(SCRIPT.read_text()) == lines_of(made), "run `make prefect-tables`"


def test_a_new_file_gets_the_tables_and_only_its_owner_may_read_it(tmp_path):
    file = tmp_path / "none" / "prefect.db"

    prepare_prefect_database(file)

    assert dump_tables(file) == SCRIPT.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert has_current_tables(file)
    assert [each.name for each in file.parent.iterdir()] == ["prefect.db"]


def test_an_existing_file_is_not_changed(tmp_path):
    file = tmp_path / "prefect.db"
    file.write_bytes(b"")

    prepare_prefect_database(file)

    assert file.read_bytes() == b""
    assert not has_current_tables(file)


@pytest.mark.parametrize(("installed", "made"), [("3.8.1", False), ("3.8.100", True)])
def test_another_prefect_server_is_checked_separately(tmp_path, monkeypatch, installed, made):
    monkeypatch.setattr("order_factory.cli.prefect_tables.version", lambda _: installed)
    file = tmp_path / "prefect.db"

    prepare_prefect_database(file)

    assert file.exists() == made, "an older one does not know these tables"
    assert not (made and has_current_tables(file))
