"""Commands in a copy of a shop's database, and those that end this: `adopt` and `mask`."""

from order_factory.models.database.engine import reading
from order_factory.models.database.identity import shop_id
from order_factory.models.tables import Customer, Order
from tests.support.clones import mark_as_copy

NOTE = "No payment gateway is called"


def test_commands_say_that_the_database_is_a_copy_until_it_is_adopted(run, shop):
    shop.order()
    with reading() as db:
        original = shop_id(db)

    with mark_as_copy():
        in_the_copy = run("orders")
        adopted = run("adopt", "--json")
        afterwards = run("orders")

    assert (in_the_copy.code, afterwards.code) == (0, 0)
    assert NOTE in in_the_copy.err
    assert NOTE not in afterwards.err
    assert (adopted.json["shop"], adopted.json["as_test"]) == (original, False)


def test_a_copied_database_can_become_a_test_shop(run, shop):
    shop.order()
    with reading() as db:
        original = shop_id(db)

    with mark_as_copy():
        adopted = run("adopt", "--as-test", "--json")
        verified = run("verify")

    assert (adopted.code, verified.code) == (0, 0)
    assert adopted.json["shop"] != original
    assert {order.mode for order in shop.rows(Order)} == {"test"}
    assert NOTE not in verified.err


def test_only_a_copy_is_masked(run, shop):
    customer = shop.customer(email="someone@shop.example")
    shop.order(customer_id=customer)

    refused = run("mask")
    with mark_as_copy():
        masked = run("mask")

    assert (refused.code, masked.code) == (2, 0)
    assert "This database is the shop itself" in refused.err
    assert shop.row(Customer, id=customer).email.endswith("@masked.example")
