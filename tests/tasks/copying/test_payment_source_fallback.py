"""What pays where the saved payment source is gone, expired or was refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from order_factory.models.database.engine import begin
from order_factory.models.tables import CustomerPaymentSource, Order, PaymentSource, Transaction
from order_factory.models.tables.base import utc_now
from order_factory.tasks.working_set.statements import table_of
from tests.support.copying import change, copy, target_of
from tests.support.paying import make_payable_order, place

DAY = timedelta(days=1)
JANUARY = datetime(2026, 1, 31, tzinfo=UTC)


pytestmark = pytest.mark.usefixtures("verified")


def lose_card(shop, order, change_of_card):
    """The card of the order leaves the wallet, or expires; its customer."""
    card = shop.row(Order, id=order).payment_source_id
    if change_of_card == "gone":
        with begin() as db:
            saved = table_of(CustomerPaymentSource)
            db.execute(delete(saved).where(saved.c.payment_source_id == card))
    else:
        change(PaymentSource, card, expires_at=JANUARY)
    return shop.row(Order, id=order).customer_id


def save_card(shop, customer, name, **values):
    card = {"gateway": "test", "payment_source_token": f"tok_approve_{name}", "name": name}
    key = shop.payment_source(wallet_of=customer, **card | values)
    return shop.row(CustomerPaymentSource, payment_source_id=key).id


def paid_with(shop, result):
    key = shop.row(Order, id=target_of(result)).payment_source_id
    return None if key is None else shop.row(PaymentSource, id=key).name


@pytest.mark.parametrize("change_of_card", ["gone", "expired"])
def test_the_newest_valid_one_of_the_same_gateway_pays(shop, ledger, change_of_card):
    order = make_payable_order(shop)
    customer = lose_card(shop, order, change_of_card)
    save_card(shop, customer, "older")
    save_card(shop, customer, "newer")
    save_card(shop, customer, "expired", expires_at=JANUARY)
    save_card(shop, customer, "other", gateway="manual")
    save_card(shop, shop.customer(), "foreign")

    (result,) = place(order, payment_source_fallback="newest_valid")
    (off,) = place(order)

    assert (result.status, paid_with(shop, result)) == ("completed", "newer")
    assert ledger.charges() == [("authorize", 12_50)]
    assert off.status == "failed"
    assert "set payment_source_fallback" in off.errors_log["payment_source"][0]


def test_the_default_of_the_customer_comes_first(shop, ledger):
    order = make_payable_order(shop)
    customer = lose_card(shop, order, "gone")
    preferred = save_card(shop, customer, "preferred")
    save_card(shop, customer, "newer")
    change(CustomerPaymentSource, preferred, is_default=True)

    (result,) = place(order, payment_source_fallback="newest_valid")

    assert paid_with(shop, result) == "preferred"


def test_the_setting_of_the_shop_applies_without_an_option(shop, ledger, monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_PAYMENT_SOURCE_FALLBACK", "newest_valid")
    order = make_payable_order(shop)
    save_card(shop, lose_card(shop, order, "expired"), "newer")

    (result,) = place(order)
    (off,) = place(order, payment_source_fallback="off")

    assert (result.status, off.status) == ("completed", "failed")
    assert paid_with(shop, result) == "newer"


@pytest.mark.parametrize("change_of_card", ["gone", "expired"])
def test_the_error_says_that_the_wallet_has_no_other_card(shop, ledger, change_of_card):
    order = make_payable_order(shop)
    lose_card(shop, order, change_of_card)

    (result,) = place(order, payment_source_fallback="newest_valid")

    assert result.status == "failed"
    assert result.errors_log["payment_source"][0].endswith(
        "the wallet has no other valid one of the same gateway: ask the customer for one"
    )


def test_each_copy_of_a_batch_gets_its_own(shop):
    orders = [make_payable_order(shop, gateway=None) for _ in range(6)]
    for nth, order in enumerate(orders):
        customer = lose_card(shop, order, "gone") if nth % 2 else 0
        if customer:
            save_card(shop, customer, f"of {nth}", gateway=None)

    ended = copy(*orders, payment_source_fallback="newest_valid")

    assert [paid_with(shop, result) for result in ended] == [
        f"of {nth}" if nth % 2 else "XXXX-XXXX-XXXX-1111" for nth in range(6)
    ]


def test_a_permanently_refused_card_is_skipped_until_it_is_changed(shop, ledger):
    order = make_payable_order(shop, "tok_decline_expired_card")
    customer = shop.row(Order, id=order).customer_id
    save_card(shop, customer, "newer")
    options: Any = {"payment_source_fallback": "newest_valid"}

    first, second = (place(order, **options)[0] for _ in range(2))

    assert "payment_source" in first.errors_log
    assert (second.status, paid_with(shop, second)) == ("completed", "newer")
    card = shop.row(Order, id=order).payment_source_id
    change(PaymentSource, card, payment_source_token="tok_approve", updated_at=utc_now())
    (third,) = place(order, **options)
    assert (third.status, paid_with(shop, third)) == ("completed", "XXXX-XXXX-XXXX-1111")


def test_the_customer_action_is_stored(shop, ledger):
    order = make_payable_order(shop, "tok_decline_authentication_required")

    (result,) = place(order)

    transaction = shop.row(Transaction)
    assert transaction.customer_action == f"https://gateway.invalid/{transaction.idempotency_key}"
    assert transaction.customer_action not in str(result)
