"""The engine: transactions that are one, savepoints that are none of their own, clear refusals."""

from contextlib import closing

import psycopg
import pytest
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from order_factory.models.database.engine import begin, get_engine, reading
from order_factory.models.errors import DatabaseNotReady, InvalidRequest
from order_factory.models.tables import Customer, Event
from order_factory.models.tables.base import utc_now

URL = "ORDER_FACTORY_DATABASE_URL"


def add(db, email):
    db.execute(insert(Customer).values(email=email))


def emails(shop):
    return [row.email for row in shop.rows(Customer)]


class Interruption(Exception):
    pass


def test_a_rollback_undoes_a_savepoint_before_the_first_write(shop):
    def write():
        with begin() as db:
            with db.begin_nested():
                add(db, "one@shop.example")
            raise Interruption

    with pytest.raises(Interruption):
        write()

    assert emails(shop) == []


def test_a_savepoint_undoes_only_its_own_writes(shop):
    def write(db):
        with db.begin_nested():
            add(db, "two@shop.example")
            raise Interruption

    with begin() as db:
        add(db, "one@shop.example")
        with pytest.raises(Interruption):
            write(db)
        with db.begin_nested():
            add(db, "three@shop.example")

    assert emails(shop) == ["one@shop.example", "three@shop.example"]


def test_a_refused_statement_in_a_savepoint_leaves_the_rest(shop):
    with begin() as db:
        add(db, "one@shop.example")
        with pytest.raises(IntegrityError), db.begin_nested():
            add(db, "one@shop.example")
        add(db, "two@shop.example")

    assert emails(shop) == ["one@shop.example", "two@shop.example"]


def test_tables_made_in_a_transaction_go_with_it(shop):
    def make():
        with begin() as db:
            db.execute(text("CREATE TABLE soon_gone (id INTEGER)"))
            raise Interruption

    with pytest.raises(Interruption):
        make()

    assert not inspect(get_engine()).has_table("soon_gone")


def test_references_are_checked(shop):
    with pytest.raises(IntegrityError), begin() as db:
        db.execute(insert(Event).values(name="", order_factory_id=7, created_at=utc_now()))


def test_reading_continues_while_another_writes(shop):
    shop.customer(email="one@shop.example")

    with begin() as writing:
        add(writing, "two@shop.example")
        with reading() as db:
            assert db.scalars(select(Customer.email)).all() == ["one@shop.example"]


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("hasty")
def test_on_sqlite_there_is_one_writer_from_the_start():
    with begin(), pytest.raises(OperationalError, match="database is locked"), begin():
        pass


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_sqlite_is_set_up_for_a_shop(shop):
    pragmas = ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")

    with reading() as db:
        values = [db.execute(text(f"PRAGMA {pragma}")).scalar() for pragma in pragmas]

    assert values == ["wal", 1, 30_000, 2]


def test_errors_of_the_database_hide_the_values(shop):
    shop.customer(email="someone.private@shop.example")

    with pytest.raises(IntegrityError) as raised, begin() as db:
        db.execute(insert(Customer).values(email="someone.private@shop.example", profile_id="p-7"))

    assert "p-7" not in str(raised.value)


def test_there_is_one_engine_per_database(shop):
    assert get_engine() is get_engine()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "is not a database URL"),
        ("", "is not a database URL"),
        ("mysql://root:hidden@host/shop", "runs on sqlite and on postgresql"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_a_url_of_an_unsupported_database_is_refused(monkeypatch, url, message):
    monkeypatch.setenv(URL, url)

    with pytest.raises(InvalidRequest, match=message) as raised:
        get_engine()

    assert "hidden" not in str(raised.value)


def test_a_database_that_cannot_be_reached_is_reported_without_its_password(monkeypatch, tmp_path):
    monkeypatch.setenv(URL, f"postgresql://somebody:hidden@/shop?host={tmp_path}")

    with pytest.raises(DatabaseNotReady, match="it cannot be opened") as raised, begin():
        pass

    get_engine().dispose()
    assert "somebody" in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_reading_leaves_no_empty_file_behind(monkeypatch, tmp_path):
    monkeypatch.setenv(URL, f"sqlite:///{tmp_path}/nowhere.db")

    with pytest.raises(DatabaseNotReady, match="no such file; run `order-factory init`"), reading():
        pass

    assert list(tmp_path.iterdir()) == []


def test_sqlite_makes_the_folder_of_its_file(monkeypatch, tmp_path):
    monkeypatch.setenv(URL, f"sqlite:///{tmp_path}/not/there/yet.db")

    with begin() as db:
        assert db.scalar(text("SELECT 1")) == 1

    get_engine().dispose()
    assert (tmp_path / "not" / "there" / "yet.db").is_file()


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_both_ends_of_a_connection_notice_that_the_other_has_vanished(shop):
    with closing(get_engine().raw_connection()) as other:
        assert isinstance(other.driver_connection, psycopg.Connection)
        given = other.driver_connection.info.get_parameters()
        settings = other.driver_connection.execute(
            "SELECT name, source FROM pg_settings "
            "WHERE name IN ('tcp_keepalives_idle', 'tcp_user_timeout')"
        ).fetchall()

    ours = {"keepalives_idle": "10", "tcp_user_timeout": "30000"}
    assert {name: given.get(name) for name in ours} == ours
    # On a Unix socket PostgreSQL shows them as 0, but it knows who has set them.
    assert settings == [("tcp_keepalives_idle", "session"), ("tcp_user_timeout", "session")]
