"""Statements without SQLAlchemy's preparation do what SQLAlchemy does."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from order_factory.api.resources.attributes import iso_8601
from order_factory.models.database.engine import begin, reading
from order_factory.models.database.quick_statements import QuickInsert, QuickSelect
from order_factory.models.tables import Customer, Order
from order_factory.tasks.working_set.statements import table_of
from tests.support.shop import SOME_DAY

_customer, _order = table_of(Customer), table_of(Order)


def test_a_quick_insert_stores_what_sqlalchemy_stores(shop):
    times = {"created_at": SOME_DAY, "updated_at": SOME_DAY}
    values = {"email": " Ada@Shop.example", "mode": "test", "metadata": {"n": 1}, **times}

    with begin() as db:
        by_sqlalchemy = db.execute(insert(_customer), values | {"email": "Bob@shop.example"})
        quick = QuickInsert(_customer, returning=tuple(_customer.c))
        row = quick.insert(db, values)
        with pytest.raises(IntegrityError), db.begin_nested():
            quick.insert(db, values | {"id": row["id"]})
        rows = db.execute(select(_customer).order_by(_customer.c.id)).mappings().all()

    assert by_sqlalchemy.inserted_primary_key == (rows[0]["id"],)
    assert rows[1] == row
    differing = {name for name in rows[0] if rows[0][name] != rows[1][name]}
    assert differing == {"id", "email", "email_key"}
    assert rows[1]["email_key"] == "ada@shop.example"


@pytest.mark.parametrize("count", [1, 3, 26])
def test_a_quick_select_returns_what_sqlalchemy_returns(shop, count):
    moment = datetime(2026, 3, 29, 1, 30, 0, 5, tzinfo=UTC)
    keys = [
        shop.order(metadata={"n": n} if n else None, tax_rate=0.22, placed_at=moment)
        for n in range(count)
    ]
    statement = select(_order).where(
        _order.c.id.in_(bindparam("keys", expanding=True)),
        _order.c.mode == "live",
        _order.c.total_amount_cents >= bindparam("least"),
    )
    statement = statement.order_by(_order.c.id)

    with reading() as db:
        expected = [
            dict(each._mapping) for each in db.execute(statement, {"keys": keys, "least": 0})
        ]
        rows = QuickSelect(statement).rows(db, {"keys": keys, "least": 0})
        texts = QuickSelect(statement, frozenset({"placed_at"})).rows(
            db, {"keys": keys, "least": 0}
        )
        none = QuickSelect(statement).rows(db, {"keys": [], "least": 0})
        with pytest.raises(DBAPIError):
            QuickSelect(select(text("nothing"))).rows(db, {})

    assert rows == expected
    assert [type(value) for value in rows[0].values()] == [
        type(value) for value in expected[0].values()
    ]
    assert none == []
    assert texts[0]["placed_at"][:19] == "2026-03-29 01:30:00"
    assert texts[0]["created_at"] == expected[0]["created_at"]


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Caracas"])
@pytest.mark.parametrize("microsecond", [0, 120_000, 123_000, 123_456])
def test_a_time_is_shown_in_utc_whatever_the_time_zone_of_the_session(shop, zone, microsecond):
    moment = datetime(2026, 3, 29, 1, 30, 0, microsecond, tzinfo=UTC)
    shop.order(placed_at=moment)
    as_text = QuickSelect(select(_order.c.placed_at), frozenset({"placed_at"}))

    with reading() as db:
        db.execute(text(f"SET LOCAL TIME ZONE '{zone}'"))
        (row,) = as_text.rows(db, {})

    shown = f"2026-03-29T01:30:00.{microsecond // 1000:03}Z"
    assert iso_8601(row["placed_at"]) == iso_8601(moment) == shown
