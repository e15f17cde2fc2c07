"""Which errors of the database pass by themselves, each met on a real one."""

from functools import partial
from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from order_factory.models.database.engine import begin, get_engine
from order_factory.models.database.transient import is_transient, without_values
from order_factory.models.tables import Address, Customer, Order, Sku
from tests.support.at_once import run_together

SECRET = "someone.private@shop.example"

on_postgres = pytest.mark.parametrize("shop", ["postgres"], indirect=True)
on_sqlite = pytest.mark.parametrize("shop", ["sqlite"], indirect=True)


@on_sqlite
@pytest.mark.usefixtures("hasty")
def test_a_busy_sqlite_is_a_transient_error():
    with begin(), pytest.raises(OperationalError) as raised, begin():
        pass

    assert is_transient(raised.value)


@on_postgres
def test_a_deadlock_is_a_transient_error(shop):
    first, second = shop.sku("A"), shop.sku("B")
    met = Barrier(2, timeout=10)

    def rename(one, other):
        with begin() as db:
            db.execute(update(Sku).where(Sku.id == one).values(name="x"))
            met.wait()
            db.execute(update(Sku).where(Sku.id == other).values(name="x"))

    with pytest.raises(OperationalError) as raised:
        run_together(partial(rename, first, second), partial(rename, second, first))

    assert is_transient(raised.value)
    assert without_values(raised.value) == "DeadlockDetected, 40P01"


@on_postgres
def test_a_serialization_failure_is_a_transient_error(shop):
    sku = shop.sku("A")
    rename = update(Sku).where(Sku.id == sku).values(name="x")
    serializable = get_engine().execution_options(isolation_level="REPEATABLE READ")

    def rename_both():
        with serializable.begin() as db:
            db.execute(text("SELECT 1 FROM skus"))
            with begin() as other:
                other.execute(rename)
            db.execute(rename)

    with pytest.raises(OperationalError) as raised:
        rename_both()

    assert is_transient(raised.value)
    assert without_values(raised.value) == "SerializationFailure, 40001"


@on_postgres
def test_a_lock_timeout_is_a_transient_error(shop):
    shop.sku("A")
    locked = text("SELECT 1 FROM skus FOR UPDATE NOWAIT")

    with begin() as other, begin() as db:
        other.execute(locked)
        with pytest.raises(OperationalError) as raised:
            db.execute(locked)

    assert is_transient(raised.value)


@on_postgres
def test_a_lost_connection_is_a_transient_error(shop):
    def lose_it():
        with begin() as db:
            own_pid = db.scalar(text("SELECT pg_backend_pid()"))
            with begin() as other:
                other.execute(text(f"SELECT pg_terminate_backend({own_pid})"))
            db.execute(text("SELECT 1"))

    with pytest.raises(DBAPIError) as raised:
        lose_it()

    assert is_transient(raised.value)


@pytest.mark.parametrize(
    "statement",
    [
        insert(Customer).values(email=SECRET),
        insert(Order).values(currency_code="EUR", customer_id=999),
        insert(Address).values(line_1=SECRET, country_code="IT"),
    ],
    ids=["a value twice", "a reference to nothing", "nothing where something must be"],
)
def test_a_permanent_refusal_is_not_transient_and_is_reported_without_values(shop, statement):
    shop.customer(email=SECRET)

    with pytest.raises(IntegrityError) as raised, begin() as db:
        db.execute(statement)

    message = without_values(raised.value)
    assert message
    assert not is_transient(raised.value)
    assert SECRET not in message
    assert "999" not in message


def test_a_database_error_names_the_constraint(shop):
    shop.customer(email=SECRET)

    with pytest.raises(IntegrityError) as raised, begin() as db:
        db.execute(insert(Customer).values(email=SECRET))

    assert without_values(raised.value) in (
        "UniqueViolation, 23505, at uq_customers_mode_email_key",
        "UNIQUE constraint failed: customers.mode, customers.email_key",
    )


@pytest.mark.parametrize(
    "error", [ValueError("database is locked"), TimeoutError(), BrokenBarrierError()]
)
def test_errors_without_a_database_error_are_not_transient(error):
    assert not is_transient(error)
