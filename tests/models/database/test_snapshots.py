"""Transactions of any size keep nothing in memory that grows with their rows."""

import pytest
from sqlalchemy import text

from order_factory.models.database.engine import begin, reading
from order_factory.models.database.snapshots import begin_large
from order_factory.models.tables import Customer
from order_factory.tasks.working_set.statements import table_of

ON_DISK, IN_MEMORY = 1, 2


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_sqlite_keeps_savepoints_of_a_large_transaction_on_the_disk(shop):
    with begin_large() as db:
        large = db.scalar(text("PRAGMA temp_store"))
    with begin() as db:
        usual = db.scalar(text("PRAGMA temp_store"))

    assert (large, usual) == (ON_DISK, IN_MEMORY)


def test_a_large_transaction_is_committed_or_rolled_back(shop):
    rows = table_of(Customer).insert()
    with begin_large() as db:
        db.execute(rows.values(email="a@shop.example"))
    with pytest.raises(ZeroDivisionError), begin_large() as db:  # noqa: PT012
        db.execute(rows.values(email="b@shop.example"))
        _ = 1 / 0

    with reading() as db:
        assert list(db.scalars(text("SELECT email FROM customers"))) == ["a@shop.example"]
