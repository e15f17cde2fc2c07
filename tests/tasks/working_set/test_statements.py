"""INSERT ... SELECT: columns named on both sides, times from the caller, rows counted."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import literal, null, select
from sqlalchemy.exc import StatementError

from order_factory.models.database.engine import begin
from order_factory.models.tables import (
    Address,
    CopyError,
    Event,
    LineItem,
    LineItemOption,
    PaymentSource,
)
from order_factory.tasks.working_set.statements import (
    at,
    columns_by_name,
    copied_columns,
    execute_and_count,
    insert_counted,
    insert_select,
    table_of,
    times,
)

ADDRESS = table_of(Address)


def insert_copy(now, *where):
    values = {
        "copied_from_id": ADDRESS.c.id,
        **columns_by_name(copied_columns(Address)),
        **times(at(now)),
    }
    return insert_select(Address, values, ADDRESS, *where, order_by=[ADDRESS.c.id])


def test_rows_are_counted_with_every_driver(shop):
    first, second = shop.address(), shop.address()
    now = datetime(2026, 2, 1, tzinfo=UTC)

    with begin() as db:
        assert execute_and_count(db, insert_copy(now, ADDRESS.c.id >= first)) == 2
        assert execute_and_count(db, insert_copy(now, ADDRESS.c.id == second)) == 1
        assert execute_and_count(db, insert_copy(now, ADDRESS.c.id < first)) == 0

    assert [row.copied_from_id for row in shop.rows(Address)] == [None, None, first, second, second]


def test_times_are_the_given_time(shop):
    shop.address()
    now = datetime(2026, 2, 1, 13, 30, 15, 123456, tzinfo=timezone(timedelta(hours=2)))

    with begin() as db:
        execute_and_count(db, insert_copy(now))

    _, row = shop.rows(Address)
    assert row.created_at == row.updated_at == now
    assert row.created_at.tzinfo == UTC


def test_both_sides_name_the_columns_in_the_same_order(shop):
    names = ["message", "field", "code", "order_factory_id", "line_item_id"]
    message = select(literal("words"), literal("line_items"), literal("kind"), literal(1), null())

    statement = str(insert_counted(table_of(CopyError), names, message))

    assert statement.startswith(
        "INSERT INTO copy_errors (message, field, code, order_factory_id, line_item_id) SELECT"
    )


@pytest.mark.parametrize(
    ("table", "left"),
    [
        (Address, set()),
        (PaymentSource, set()),
        (LineItem, {"order_id"}),
        (LineItemOption, {"line_item_id"}),
    ],
)
def test_a_copy_has_the_values_of_every_copied_column(table, left):
    own = {"id", "copied_from_id", "created_at", "updated_at"} | left

    names = {column.key for column in copied_columns(table, *left)}

    assert names | own == {column.key for column in table.__table__.c}
    assert names & own == set()


def test_a_time_without_time_zone_is_refused(shop):
    naive = datetime.fromisoformat("2026-02-01T12:00:00")

    with pytest.raises(StatementError, match="without a time zone"), begin() as db:
        db.execute(insert_select(Event, {"created_at": at(naive)}, ADDRESS))
