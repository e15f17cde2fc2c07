"""The temporary tables: empty at the start of each transaction."""

import pytest
from sqlalchemy import func, insert, select

from order_factory.models.database.engine import begin, get_engine
from order_factory.models.database.temporary_tables import read_table_sizes
from order_factory.tasks.working_set.tables import claims, left_out_lines, open_temporary_tables


def _fill(rows):
    get_engine().dispose()  # then the next transaction has the same connection
    with begin() as db:
        open_temporary_tables(db)
        db.execute(insert(claims), [{"factory_id": n, "rank": n} for n in range(rows)])
        db.execute(insert(left_out_lines).values(factory_id=1, line_item_id=1))


def _count_rows(db):
    return [db.scalar(select(func.count()).select_from(each)) for each in (claims, left_out_lines)]


@pytest.mark.parametrize("rows", [1, 10_000], ids=["few", "many"])
def test_temporary_rows_are_gone_in_the_next_transaction(shop, rows):
    _fill(rows)

    with begin() as db:
        assert _count_rows(db) == [rows, 1]
        open_temporary_tables(db)

        assert _count_rows(db) == [0, 0]


@pytest.mark.parametrize("rows", [1, 10_000], ids=["few", "many"])
def test_emptying_is_undone_with_its_savepoint(shop, rows):
    _fill(rows)

    with begin() as db:
        emptying = db.begin_nested()
        open_temporary_tables(db)
        emptying.rollback()

        assert _count_rows(db) == [rows, 1]


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_a_large_table_takes_no_space_after_it_was_emptied(shop):
    _fill(10_000)

    with begin() as db:
        open_temporary_tables(db)

        assert read_table_sizes(db, [claims]) == {claims.name: 0}
