"""The wallet: the payment source that the customer saved is copied, and no other."""

from datetime import UTC, datetime, timedelta

import pytest

from order_factory.models.tables import CustomerPaymentSource, Order, PaymentSource
from order_factory.models.tables.base import utc_now
from tests.support.copying import copy_one, target_of
from tests.support.filling import find_differences, make_values

FOREIGN = {"payment_source": ["the payment source is in another customer's wallet"]}

EXPIRED = (
    "the saved payment source expired on 2026-01-31; ask the customer for another, or set "
    "payment_source_fallback"
)


@pytest.fixture
def customer(shop):
    return shop.customer()


def find_copied_source(shop, result):
    """The key of the payment source of the order that was made, or None."""
    return shop.row(Order, id=target_of(result)).payment_source_id


def test_a_saved_payment_source_is_copied_column_by_column(shop, customer):
    values = make_values(PaymentSource, mode="live", expires_at=utc_now() + timedelta(days=1))
    saved = shop.payment_source(wallet_of=customer, **values)
    source = shop.order(customer_id=customer, payment_source_id=saved)

    result = copy_one(source)

    copied = shop.row(PaymentSource, id=find_copied_source(shop, result))
    own = {"id", "copied_from_id", "created_at", "updated_at", "refused_at"}
    assert result.status == "completed"
    assert find_differences(copied, shop.row(PaymentSource, id=saved)) == own
    assert copied.copied_from_id == saved
    assert [entry.payment_source_id for entry in shop.rows(CustomerPaymentSource)] == [saved]


def test_a_payment_source_that_was_never_saved_is_not_copied(shop, customer):
    source = shop.order(customer_id=customer, payment_source_id=shop.payment_source())

    result = copy_one(source)

    assert (result.status, result.errors_log) == ("completed", None)
    assert find_copied_source(shop, result) is None
    assert len(shop.rows(PaymentSource)) == 1


def test_without_reuse_wallet_nothing_is_copied(shop, customer):
    saved = shop.payment_source(wallet_of=customer)
    source = shop.order(customer_id=customer, payment_source_id=saved)

    result = copy_one(source, reuse_wallet=False)

    assert (result.status, result.errors_log) == ("completed", None)
    assert find_copied_source(shop, result) is None


def test_an_order_paid_otherwise_gets_no_payment_source_of_the_wallet(shop, customer):
    shop.payment_source(wallet_of=customer)
    source = shop.order(customer_id=customer, payment_source_id=None)

    result = copy_one(source)

    assert (result.status, result.errors_log) == ("completed", None)
    assert find_copied_source(shop, result) is None


def test_an_expired_payment_source_is_refused(shop, customer):
    saved = shop.payment_source(
        wallet_of=customer, expires_at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    )
    source = shop.order(customer_id=customer, payment_source_id=saved)

    result = copy_one(source)

    assert result.status == "failed"
    assert result.errors_log == {"payment_source": [EXPIRED]}
    assert len(shop.rows(Order)) == len(shop.rows(PaymentSource)) == 1


def test_skip_errors_leaves_an_expired_payment_source_out(shop, customer):
    saved = shop.payment_source(wallet_of=customer, expires_at=datetime(2026, 1, 31, tzinfo=UTC))
    source = shop.order(customer_id=customer, payment_source_id=saved)

    result = copy_one(source, skip_errors=True)

    assert result.status == "completed"
    assert result.errors_log == {"payment_source": [EXPIRED]}
    assert find_copied_source(shop, result) is None


@pytest.mark.parametrize("reuse_wallet", [True, False])
def test_an_expired_payment_source_that_is_not_reused_is_no_error(shop, customer, reuse_wallet):
    saved = shop.payment_source(
        wallet_of=None if reuse_wallet else customer, expires_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    source = shop.order(customer_id=customer, payment_source_id=saved)

    result = copy_one(source, reuse_wallet=reuse_wallet)

    assert (result.status, result.errors_log) == ("completed", None)


def test_a_payment_source_of_another_customer_is_refused(shop, customer):
    foreign = shop.payment_source(wallet_of=shop.customer())
    source = shop.order(customer_id=customer, payment_source_id=foreign)

    result = copy_one(source)

    assert (result.status, result.errors_log) == ("failed", FOREIGN)
    assert len(shop.rows(PaymentSource)) == 1


def test_skip_errors_leaves_a_foreign_payment_source_out(shop, customer):
    foreign = shop.payment_source(wallet_of=shop.customer())
    source = shop.order(customer_id=customer, payment_source_id=foreign)

    result = copy_one(source, skip_errors=True)

    assert (result.status, result.errors_log) == ("completed", FOREIGN)
    assert find_copied_source(shop, result) is None


def test_a_foreign_payment_source_that_is_not_reused_is_no_error(shop, customer):
    foreign = shop.payment_source(wallet_of=shop.customer())
    source = shop.order(customer_id=customer, payment_source_id=foreign)

    result = copy_one(source, reuse_wallet=False)

    assert (result.status, result.errors_log) == ("completed", None)


def test_a_payment_source_that_two_customers_saved_is_not_foreign(shop, customer):
    shared = shop.payment_source(wallet_of=shop.customer())
    shop.add(CustomerPaymentSource, customer_id=customer, payment_source_id=shared)
    source = shop.order(customer_id=customer, payment_source_id=shared)

    result = copy_one(source)

    assert result.status == "completed"
    assert shop.row(PaymentSource, id=find_copied_source(shop, result)).copied_from_id == shared


def test_a_copy_of_a_copy_uses_the_same_wallet_entry(shop, customer):
    saved = shop.payment_source(wallet_of=customer)
    first = copy_one(shop.order(customer_id=customer, payment_source_id=saved))

    second = copy_one(target_of(first))

    copied = shop.row(PaymentSource, id=find_copied_source(shop, second))
    assert second.errors_log is None
    assert copied.copied_from_id == saved
    assert copied.id != find_copied_source(shop, first)


def test_a_copy_of_a_copy_notices_that_the_saved_one_was_taken_over(shop, customer):
    foreign = shop.payment_source(wallet_of=shop.customer())
    copied = shop.payment_source(copied_from_id=foreign)
    source = shop.order(customer_id=customer, payment_source_id=copied)

    result = copy_one(source)

    assert (result.status, result.errors_log) == ("failed", FOREIGN)
