"""Placing orders that are there: paid once, with their stock, or refused with the reason."""

import pytest
from sqlalchemy import delete

from order_factory.models.database.engine import begin
from order_factory.models.tables import (
    CopyError,
    Coupon,
    CustomerPaymentSource,
    Event,
    Order,
    OrderFactory,
    PaymentMethod,
    PaymentSource,
    StockItem,
    Transaction,
)
from order_factory.models.tables.base import utc_now
from tests.support.copying import change, copy_one, target_of
from tests.support.orders import act, ask_gateways, change_and_ask, make_open_order
from tests.support.paying import make_payable_order, place
from tests.support.shop import SOME_DAY
from tests.support.verifying import find_violations


def make_pending_copy(shop, *args, **options):
    """A copy with default options: an order that is pending."""
    result = copy_one(make_payable_order(shop, *args), **options)
    assert result.target_order.status == "pending"
    return target_of(result)


def test_an_order_is_placing_until_its_gateway_has_answered(shop, ledger):
    order = make_open_order(shop, lines=[("MUG", 2, 12_50)])

    assert act("place", order) == []

    transaction = shop.row(Transaction)
    assert shop.row(Order, id=order).status == "placing"
    assert (transaction.status, transaction.amount_cents, transaction.order_factory_id) == (
        "unknown",
        25_00,
        None,
    )
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1000, 2)
    assert find_violations() == []

    assert ask_gateways() == []

    placed = shop.row(Order, id=order)
    assert (placed.status, placed.payment_status) == ("placed", "authorized")
    assert placed.placed_at is not None
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (998, 0)
    assert ledger.charges() == [("authorize", 25_00)]
    assert find_violations() == []
    for table in (OrderFactory, CopyError):
        assert shop.rows(table) == [], "nothing is left of how it was placed"
    names = [event.name for event in shop.rows(Event)]
    assert names == ["authorizations.create", "orders.authorize", "orders.place"]


def test_a_copy_placed_later_uses_the_idempotency_key_of_the_copy(shop, ledger):
    order = make_pending_copy(shop)

    assert change_and_ask("place", order) == []

    assert shop.row(Order, id=order).status == "placed"
    assert len(shop.rows(OrderFactory)) == 1
    assert ledger.charges() == [("authorize", 12_50)]
    assert find_violations() == []


def test_placing_again_changes_nothing(shop, ledger):
    order = make_open_order(shop)
    act("place", order)

    assert change_and_ask("place", order) == []
    before = shop.row(Order, id=order)
    assert change_and_ask("place", order) == []

    assert shop.row(Order, id=order) == before
    assert ledger.charges() == [("authorize", 12_50)]


def test_a_declined_order_is_pending_again_and_can_be_placed_with_another_card(shop, ledger):
    order = make_open_order(shop, "tok_decline")

    change_and_ask("place", order)

    declined = shop.row(Transaction)
    assert (declined.status, declined.message) == ("failed", "Your card was declined.")
    assert shop.row(Order, id=order).status == "pending"
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1000, 0)
    assert find_violations() == []

    change(PaymentSource, shop.row(PaymentSource).id, payment_source_token="tok_approve")
    assert change_and_ask("place", order) == []

    assert shop.row(Order, id=order).status == "placed"
    assert ledger.charges() == [("authorize", 12_50)]
    assert len({row.idempotency_key for row in shop.rows(Transaction)}) == 2
    assert find_violations() == []


def test_all_errors_are_reported_and_the_other_orders_are_placed(shop, ledger):
    good, other = make_open_order(shop), make_open_order(shop)
    homeless = make_open_order(shop, billing_address_id=None)
    poor = make_open_order(shop, payment_source_id=None)
    draft = make_open_order(shop, status="draft")
    rare = make_open_order(shop, lines=[("RARE", 2, 1_00)])
    change(StockItem, shop.rows(StockItem)[-1].id, quantity=1)

    problems = change_and_ask("place", good, homeless, poor, draft, rare, other)

    cannot = "cannot transition from pending to placed"
    assert {(each.order_id, each.field, each.message) for each in problems} == {
        (homeless, "billing_address", "the order has no billing address"),
        (homeless, "status", cannot),
        (poor, "payment_source", "the order has no payment source"),
        (poor, "status", cannot),
        (draft, "status", "cannot transition from draft to placed"),
        (rare, "line_items", "SKU RARE: 2 wanted, 1 in stock"),
        (rare, "status", cannot),
    }
    statuses = [row.status for row in shop.rows(Order)]
    assert statuses == ["placed", "placed", "pending", "pending", "draft", "pending"]
    assert find_violations() == []


def test_the_last_piece_goes_to_one_order(shop, ledger):
    orders = [make_open_order(shop, lines=[("RARE", 1, 1_00)]) for _ in range(3)]
    change(StockItem, shop.row(StockItem).id, quantity=2)

    problems = change_and_ask("place", *orders)

    assert [row.status for row in shop.rows(Order)] == ["placed", "placed", "pending"]
    assert problems[0].message == "SKU RARE: 1 wanted, 0 in stock"
    assert shop.row(StockItem).quantity == 0
    assert find_violations() == []


def test_an_order_that_is_paid_by_hand_is_placed_at_once(shop, ledger):
    method = shop.add(PaymentMethod, payment_source_type="wire_transfers", gateway="manual")
    order = make_open_order(shop, payment_source_id=None, payment_method_id=method)

    assert act("place", order) == []

    placed = shop.row(Order, id=order)
    assert (placed.status, placed.payment_status) == ("placed", "unpaid")
    assert shop.rows(Transaction) == []
    assert find_violations() == []


def test_a_card_removed_from_the_wallet_is_not_charged(shop, ledger):
    order = make_pending_copy(shop)
    with begin() as db:
        db.execute(delete(CustomerPaymentSource))

    problems = change_and_ask("place", order)

    words = "the payment source is no longer in the customer's wallet; choose another one"
    assert ("payment_source", words) in {(each.field, each.message) for each in problems}
    assert shop.rows(Transaction) == []


@pytest.mark.parametrize("placed_at_first", [False, True])
def test_a_coupon_is_used_once(shop, ledger, placed_at_first):
    """A copy uses it when it is made. A failed placement returns it, and it is used again."""
    shop.coupon("SPRING")
    source = make_payable_order(
        shop, "tok_decline" if placed_at_first else "tok_approve", coupon_code="SPRING"
    )
    if placed_at_first:
        (result,) = place(source)
        card = shop.row(Order, id=target_of(result)).payment_source_id
        original = shop.row(PaymentSource, id=card).copied_from_id
        change(PaymentSource, original, payment_source_token="tok_approve", updated_at=utc_now())
    else:
        result = copy_one(source)
    order = target_of(result)
    before = shop.row(Coupon).usage_count

    assert change_and_ask("place", order) == []

    assert shop.row(Order, id=order).status == "placed"
    assert shop.row(Coupon).usage_count == before + placed_at_first
    change_and_ask("cancel", order)
    assert shop.row(Coupon).usage_count == before + placed_at_first - 1
    assert find_violations() == []


def test_an_expired_card_is_neither_charged_nor_replaced(shop, ledger, monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_PAYMENT_SOURCE_FALLBACK", "newest_valid")
    order = make_open_order(shop)
    customer = shop.row(Order, id=order).customer_id
    card = {"gateway": "test", "payment_source_token": "tok_other"}
    change(PaymentSource, shop.row(PaymentSource).id, expires_at=SOME_DAY)
    shop.payment_source(wallet_of=customer, **card)

    problems = change_and_ask("place", order)

    assert [each.field for each in problems] == ["payment_source", "status"]
    assert problems[0].message.startswith("the saved payment source expired on 2026-01-15")
    assert shop.rows(Transaction) == []
    assert find_violations() == []
