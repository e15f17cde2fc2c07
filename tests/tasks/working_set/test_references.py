"""Large parts on SQLite, whose references are checked at once instead of row by row."""

import pytest
from sqlalchemy import text, update

from order_factory.models.database.engine import begin, connection
from order_factory.models.tables import Order
from order_factory.tasks import copy_orders
from order_factory.tasks.copy_orders import copy_batch
from order_factory.tasks.copying import engine
from tests.support.copying import make_batch, read_results, request_copy
from tests.support.verifying import find_violations

pytestmark = pytest.mark.parametrize("shop", ["sqlite"], indirect=True)


@pytest.fixture
def row_checks(monkeypatch):
    """Whether SQLite checks each row, once per part; parts of any size count as large."""
    monkeypatch.setattr(copy_orders, "MIN_PARALLEL_SIZE", 1)
    parts = []
    copy_claimed = engine.copy_claimed

    def note_checks(db, *given, **options):
        parts.append(bool(db.scalar(text("PRAGMA foreign_keys"))))
        return copy_claimed(db, *given, **options)

    monkeypatch.setattr(copy_orders, "copy_claimed", note_checks)
    return parts


def copy_part(orders, **options):
    factories = [request_copy(order, **options) for order in orders]
    copy_batch.fn(make_batch(factories), 1, len(factories))
    return read_results(factories)


def checks_rows():
    with begin() as db:
        return bool(db.scalar(text("PRAGMA foreign_keys")))


def test_rows_are_not_checked_if_all_references_are_valid(shop, row_checks):
    results = copy_part([shop.order() for _ in range(3)])

    assert row_checks == [False]
    assert [result.status for result in results] == ["completed"] * 3
    assert checks_rows()
    assert find_violations() == []


def test_an_order_with_a_broken_reference_fails_alone(shop, row_checks):
    orders = [shop.order() for _ in range(3)]
    with connection() as db:
        db.connection.cursor().execute("PRAGMA foreign_keys = OFF")
        with db.begin():
            db.execute(update(Order).where(Order.id == orders[1]).values(payment_method_id=4711))
        db.invalidate()

    results = copy_part(orders)

    assert row_checks == [True]
    assert [result.status for result in results] == ["completed", "failed", "completed"]
    assert results[1].errors_log == {
        "target_order": ["could not be copied: the database refused a row (IntegrityError)"]
    }


def test_rows_of_placed_orders_are_checked(shop, row_checks):
    copy_part([shop.order() for _ in range(3)], place_target_order=True)

    assert row_checks == [True]
    assert find_violations() == []


def test_rows_are_checked_again_after_an_error(shop, row_checks, monkeypatch):
    def fail(*_given, **_options):
        raise RuntimeError("broken")

    monkeypatch.setattr(copy_orders, "copy_claimed", fail)

    with pytest.raises(RuntimeError, match="broken"):
        copy_part([shop.order()])

    assert checks_rows()
