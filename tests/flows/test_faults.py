"""Faults of the database in the middle of a flow: passing ones are retried, others are not."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.order_factory import order_factory
from order_factory.models.database import retrying
from order_factory.models.database.engine import begin, get_engine, reading
from order_factory.models.errors import DatabaseAway, DatabaseRefused, TryAgain
from order_factory.models.results.copies import BatchUnfinished, OrderFactoryFailed
from order_factory.models.tables import Order, OrderFactory
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.verify import verify
from tests.support.copying import SECRET

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _break_before_the_lines(monkeypatch, fault):
    """Put a step that runs `fault` in the middle; returns the list of the times it ran."""
    runs = []

    def step(db, batch):
        runs.append(batch.size)
        fault(db, len(runs))
        return 0

    STEPS.insert(4, step)
    return runs


def _violations():
    with reading() as db:
        return [report.name for report in verify(db).invariants if report.violations]


def test_a_call_is_retried_when_the_database_is_busy(shop, monkeypatch):
    def busy(_db, run):
        if run <= 2:
            raise OperationalError("INSERT", {}, Exception("database is locked"))

    runs = _break_before_the_lines(monkeypatch, busy)
    source = shop.order()

    result = order_factory(shop.number_of(source))

    assert result.status == "completed"
    assert len(runs) == 3
    assert len(shop.rows(Order)) == 2
    assert _violations() == []


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_a_lost_connection_is_tried_again(shop, monkeypatch):
    def lose(db, run):
        if run == 1:
            pid = db.scalar(text("SELECT pg_backend_pid()"))
            with get_engine().connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
            db.execute(text("SELECT 1"))

    _break_before_the_lines(monkeypatch, lose)
    numbers = [shop.number_of(shop.order()) for _ in range(3)]

    result = bulk_order_factory(numbers)

    assert result.completed == 3
    assert len(shop.rows(Order)) == 6
    assert _violations() == []


def test_a_permanent_error_fails_at_once(shop, monkeypatch):
    def raise_bug(_db, _run):
        raise RuntimeError("a bug")

    runs = _break_before_the_lines(monkeypatch, raise_bug)
    source = shop.order()

    with pytest.raises(OrderFactoryFailed) as failure:
        order_factory(shop.number_of(source))

    assert failure.value.result.errors_log == {
        "target_order": ["could not be copied: unexpected RuntimeError"]
    }
    assert len(runs) == 1
    assert len(shop.rows(Order)) == 1
    assert _violations() == []


def test_an_unfinished_batch_is_finished_by_a_later_run(shop, monkeypatch):
    def busy(_db, _run):
        raise TryAgain("the database is busy")

    numbers = [shop.number_of(shop.order()) for _ in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(retrying, "PATIENCE_SECONDS", 0)
        patched.setattr(retrying, "TRIES", 2)
        runs = _break_before_the_lines(patched, busy)
        with pytest.raises(BatchUnfinished, match="3 of 3 copies are not finished") as unfinished:
            bulk_order_factory(numbers, reference="night")
    STEPS.pop(4)
    assert len(runs) == 2
    assert unfinished.value.result.pending == 3
    assert {row.status for row in shop.rows(OrderFactory)} == {"pending"}

    result = bulk_order_factory(reference="night")

    assert (result.status, result.completed, result.copied_in_this_run) == ("completed", 3, 3)
    assert len(shop.rows(Order)) == 6
    assert _violations() == []


def test_the_service_waits_once_for_an_unreachable_database(shop, monkeypatch):
    numbers = [shop.number_of(shop.order()) for _ in range(6)]
    opened = []

    def refuse_connection():
        opened.append(1)
        raise DatabaseAway("the test's database", "it cannot be opened")

    with monkeypatch.context() as patched:
        patched.setattr(retrying, "PATIENCE_SECONDS", 0)
        patched.setattr(retrying, "TRIES", 2)
        patched.setattr("order_factory.tasks.copy_orders.begin", refuse_connection)
        with pytest.raises(BatchUnfinished, match="6 of 6 copies .* it cannot be opened"):
            bulk_order_factory(numbers, reference="night", batch_size=1)

    assert len(opened) < 2 * len(numbers)
    assert bulk_order_factory(reference="night").completed == 6


def test_errors_of_the_database_outside_of_copying_quote_no_row(shop, caplog):
    source = shop.order()
    with begin() as db:
        db.execute(text("CREATE UNIQUE INDEX no_two ON order_factories (reference)"))
    order_factory(shop.number_of(source), reference=SECRET)

    with pytest.raises(DatabaseRefused, match="Its transaction was rolled back") as raised:
        order_factory(shop.number_of(source), reference=SECRET, again=True)

    assert SECRET not in str(raised.value) + caplog.text
    assert len(shop.rows(OrderFactory)) == 1
