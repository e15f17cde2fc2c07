"""The allowed changes of an order's statuses, in SQL and in Python."""

from itertools import product

import pytest
from sqlalchemy import select, update

from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import Order
from order_factory.models.values.order_states import (
    TRANSITIONS,
    may_become,
    new_status,
    transition_message,
)
from order_factory.models.values.statuses import FulfillmentStatus, OrderStatus, PaymentStatus
from order_factory.tasks.working_set.statements import table_of

KINDS = {
    "status": OrderStatus,
    "payment_status": PaymentStatus,
    "fulfillment_status": FulfillmentStatus,
}


@pytest.mark.parametrize("name", KINDS)
def test_every_status_has_transitions(name):
    transitions = TRANSITIONS[name]

    assert set(transitions) == set(KINDS[name])
    assert all(before not in after for before, after in transitions.items())
    reachable = {status for after in transitions.values() for status in after}
    first = next(iter(KINDS[name]))
    assert reachable | {first} == set(KINDS[name])


@pytest.mark.parametrize("name", KINDS)
def test_the_database_changes_what_the_table_allows_and_nothing_else(shop, name):
    column = table_of(Order).c[name]
    pairs = list(product(KINDS[name], repeat=2))
    keys = {pair: shop.add(Order, currency_code="EUR", **{name: pair[0]}) for pair in pairs}

    with begin() as db:
        allowed = {
            (before, after): db.scalar(
                select(may_become(column, after)).where(Order.id == keys[before, after])
            )
            for before, after in pairs
        }
        for (_, after), key in keys.items():
            change = update(Order).where(Order.id == key)
            db.execute(change.values({name: new_status(column, after)}))

    for (before, after), key in keys.items():
        expected = after in TRANSITIONS[name][before]
        assert bool(allowed[before, after]) == expected
        assert getattr(shop.row(Order, id=key), name) == (after if expected else before)


def test_a_refused_transition_names_both_statuses(shop):
    shop.add(Order, currency_code="EUR", status="draft")

    with reading() as db:
        message = db.scalars(
            select(transition_message(table_of(Order).c.status, OrderStatus.PLACED))
        ).one()

    assert message == "cannot transition from draft to placed"
