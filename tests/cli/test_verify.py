"""`order-factory verify`."""

import pytest

from order_factory.models.tables import LineItem, Order
from order_factory.models.values.public_ids import Resource, public_id
from tests.support.copying import change


@pytest.fixture
def copy(shop, run, prefect):
    """The key of a copy."""
    shop.order(number="A1")
    run("copy", "A1")
    (target,) = [order for order in shop.rows(Order) if order.order_factory_id]
    return target.id


@pytest.mark.usefixtures("copy")
def test_verify_accepts_a_valid_database(run):
    output = run("verify")
    as_json = run("verify", "--json")

    assert (output.code, as_json.code) == (0, 0)
    assert output.out.splitlines()[-1].startswith("No violation: ")
    assert (as_json.json["violations"], as_json.json["copies"]) == (0, 1)
    assert {each["violations"] for each in as_json.json["invariants"]} == {0}


def test_verify_finds_a_copy_that_lost_a_cent(shop, run, copy):
    (line,) = shop.rows(LineItem, order_id=copy)
    change(LineItem, line.id, total_amount_cents=line.total_amount_cents - 1)

    output = run("verify")
    as_json = run("verify", "--json")

    assert (output.code, as_json.code) == (1, 1)
    assert as_json.json["violations"] > 0
    broken = [each for each in as_json.json["invariants"] if each["violations"]]
    assert public_id(Resource.orders, copy) in {id for each in broken for id in each["examples"]}
    assert all(f"{each['name']}: {each['meaning']}" in output.out for each in broken)
