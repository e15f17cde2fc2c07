"""Column types: a point in time is aware and in UTC, JSON is itself, an amount is a whole number."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text
from sqlalchemy.exc import StatementError

from order_factory.models.database.engine import begin
from order_factory.models.tables import Order, PaymentSource

FIRST, LAST = (datetime.fromisoformat(day) for day in ("1900-01-01", "2200-01-01"))
ZONES = st.timezones() | st.builds(
    timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23))
)


@given(moment=st.datetimes(FIRST, LAST, timezones=ZONES))
@settings(
    max_examples=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_stored_time_is_read_as_the_same_time_in_utc(shop, moment):
    with begin() as db:
        row = insert(PaymentSource).values(payment_source_type="x", expires_at=moment)
        stored: Any = db.execute(row.returning(PaymentSource.expires_at)).scalar_one()
        matching = db.scalars(
            select(PaymentSource.expires_at).where(PaymentSource.expires_at == moment)
        )

        assert stored.astimezone(UTC) == moment.astimezone(UTC)
        assert stored.tzinfo == UTC
        assert stored in matching.all()


def test_a_time_without_time_zone_is_refused(shop):
    with pytest.raises(StatementError, match="without a time zone"):
        shop.payment_source(expires_at=datetime.fromisoformat("2026-01-01T12:00:00"))


def test_times_set_by_the_database_are_utc(shop):
    before = datetime.now(UTC) - timedelta(seconds=2)

    created = shop.row(Order, id=shop.order()).created_at

    assert created.tzinfo == UTC
    assert before < created < datetime.now(UTC) + timedelta(seconds=2)


def test_json_is_null_or_an_object(shop):
    full = {"a": [1, 2.5, None, {"ü": "💶"}], "b": "", "c": True}
    orders = [shop.order(metadata=value) for value in (None, {}, full)]

    assert [shop.row(Order, id=order).metadata for order in orders] == [None, {}, full]
    with begin() as db:
        null = text("SELECT count(*) FROM orders WHERE metadata IS NULL")
        assert db.scalar(null) == 1


def test_amounts_can_have_sixty_four_bits(shop):
    order = shop.order(total_amount_cents=2**63 - 1, discount_amount_cents=-(2**63))

    row = shop.row(Order, id=order)

    assert (row.total_amount_cents, row.discount_amount_cents) == (2**63 - 1, -(2**63))
