"""The customer: a target order belongs to whom its source order belongs to."""

import pytest

from order_factory.models.tables import Customer, LineItem, Order, PaymentSource
from tests.support.copying import change, copy, copy_one, target_of


def test_a_copy_belongs_to_the_same_customer(shop):
    customer = shop.customer()
    source = shop.order(customer_id=customer, customer_email="ordered-with@shop.example")

    result = copy_one(source)

    target = shop.row(Order, id=target_of(result))
    assert result.status == "completed"
    assert (target.customer_id, target.customer_email, target.guest) == (
        customer,
        "ordered-with@shop.example",
        False,
    )
    assert len(shop.rows(Customer)) == 1


def test_a_guest_order_stays_a_guest_order(shop):
    source = shop.order(guest=True)
    guest = shop.order(lines=[("CAP", 1, 9_00)])
    remove_customer(guest, email="guest@shop.example")

    results = copy(source, guest)

    targets = [shop.row(Order, id=target_of(result)) for result in results]
    assert [target.guest for target in targets] == [True, True]
    assert (targets[1].customer_id, targets[1].customer_email) == (None, "guest@shop.example")
    assert [target.status for target in targets] == ["pending", "pending"]


@pytest.mark.parametrize("email", [None, ""])
def test_an_order_without_email_takes_the_customers(shop, email):
    customer = shop.customer(email="own@shop.example")
    source = shop.order(customer_id=customer, customer_email=email)

    result = copy_one(source)

    assert shop.row(Order, id=target_of(result)).customer_email == "own@shop.example"


@pytest.mark.parametrize("email", [None, ""])
def test_an_order_without_a_customer_is_refused(shop, email):
    source = shop.order()
    remove_customer(source, email=email)

    result = copy_one(source)

    assert result.status == "failed"
    assert result.errors_log == {"customer": ["the order has no customer and no email"]}
    assert [order.id for order in shop.rows(Order)] == [source]


@pytest.mark.parametrize("email", [None, ""])
def test_skip_errors_makes_a_draft_without_a_customer(shop, email):
    source = shop.order()
    remove_customer(source, email=email)

    result = copy_one(source, skip_errors=True)

    target = shop.row(Order, id=target_of(result))
    assert result.status == "completed"
    assert result.errors_log == {"customer": ["the order has no customer and no email"]}
    assert (target.status, target.customer_id) == ("draft", None)


@pytest.mark.parametrize("status", ["deleted", "blocked"])
def test_a_barred_customer_is_refused(shop, status):
    source = shop.order(customer_id=shop.customer(status=status))

    result = copy_one(source)

    assert result.status == "failed"
    assert result.errors_log == {"customer": [f"the customer is {status}"]}
    assert [order.id for order in shop.rows(Order)] == [source]
    assert len(shop.rows(LineItem)) == 1


@pytest.mark.parametrize("status", ["prospect", "acquired", "repeat"])
def test_every_other_customer_gets_a_copy(shop, status):
    result = copy_one(shop.order(customer_id=shop.customer(status=status)))

    assert (result.status, result.errors_log) == ("completed", None)


@pytest.mark.parametrize("status", ["deleted", "blocked"])
def test_skip_errors_leaves_a_barred_customer_out_and_the_wallet_too(shop, status):
    customer = shop.customer(status=status)
    source = shop.order(
        customer_id=customer, payment_source_id=shop.payment_source(wallet_of=customer)
    )

    result = copy_one(source, skip_errors=True)

    target = shop.row(Order, id=target_of(result))
    assert result.status == "completed"
    assert result.errors_log == {"customer": [f"the customer is {status}"]}
    assert (target.status, target.customer_id, target.customer_email) == ("draft", None, None)
    assert target.payment_source_id is None
    assert len(shop.rows(PaymentSource)) == 1


def remove_customer(order_id, *, email):
    change(Order, order_id, guest=True, customer_id=None, customer_email=email)
