"""Payments that do not agree with their orders are found."""

import pytest

from tests.support.damage import Damage

DAMAGES = [
    Damage(
        "placing-waits-for-gateway",
        "UPDATE orders SET status = 'placed' WHERE id = :placing_target",
        "placing_target",
    ),
    Damage(
        "placing-waits-for-gateway",
        "UPDATE transactions SET status = 'failed' WHERE order_id = :placing_target",
        "placing_target",
    ),
    Damage(
        "in-progress-waits-for-gateway",
        "UPDATE transactions SET status = 'failed' WHERE order_factory_id = :placing",
        "placing",
    ),
    Damage(
        "in-progress-waits-for-gateway",
        "UPDATE transactions SET status = 'unknown' WHERE order_factory_id = :paid",
        "paid",
    ),
    Damage(
        "authorized-is-its-total",
        "UPDATE transactions SET amount_cents = amount_cents - 1 WHERE order_id = :paid_target",
        "paid_target",
    ),
    Damage(
        "authorized-is-its-total",
        "UPDATE transactions SET currency_code = 'USD' WHERE order_id = :paid_target",
        "paid_target",
    ),
    Damage(
        "authorized-is-its-total",
        "UPDATE orders SET payment_status = 'authorized' WHERE id = :placed_target",
        "placed_target",
    ),
    Damage(
        "authorized-is-its-total",
        "UPDATE orders SET payment_status = 'unpaid' WHERE id = :paid_target",
        "paid_target",
    ),
    Damage(
        "asked-is-placing",
        "UPDATE transactions SET status = 'unknown' WHERE order_id = :refunded_order "
        "AND type = 'authorizations'",
        "refunded_order",
    ),
    Damage(
        "captured-within-authorized",
        "UPDATE transactions SET amount_cents = amount_cents + 1 WHERE order_id = :refunded_order "
        "AND type = 'captures'",
        "refunded_order",
    ),
    Damage(
        "captured-within-authorized",
        "UPDATE transactions SET currency_code = 'USD' WHERE order_id = :refunded_order "
        "AND type = 'authorizations'",
        "refunded_order",
    ),
    Damage(
        "refunded-within-captured",
        "UPDATE transactions SET amount_cents = 1251, status = 'unknown' "
        "WHERE order_id = :refunded_order AND type = 'refunds'",
        "refunded_order",
    ),
    Damage(
        "paid-is-captured",
        "UPDATE orders SET payment_status = 'authorized' WHERE id = :refunded_order",
        "refunded_order",
    ),
    Damage(
        "paid-is-captured",
        "UPDATE orders SET payment_status = 'refunded' WHERE id = :refunded_order",
        "refunded_order",
    ),
    Damage(
        "authorized-once",
        "INSERT INTO transactions (type, status, order_id, order_factory_id, gateway, "
        "amount_cents, currency_code, idempotency_key) SELECT type, status, order_id, "
        "order_factory_id, gateway, amount_cents, currency_code, 'another' FROM transactions "
        "WHERE order_id = :paid_target",
        "paid_target",
        lifts=("transactions",),
    ),
    Damage(
        "payment-key-used-once",
        "DROP INDEX uq_transactions_idempotency_key;"
        "UPDATE transactions SET idempotency_key = (SELECT idempotency_key FROM transactions "
        "WHERE order_id = :paid_target) WHERE id = :void",
        "void",
    ),
    Damage(
        "payment-key-of-this-shop",
        "UPDATE transactions SET idempotency_key = 'order-factory-of-another-shop' "
        "WHERE id = :paid_authorization",
        "paid_authorization",
    ),
    Damage(
        "payment-key-of-this-shop",
        "UPDATE transactions SET idempotency_key = 'order-factory-of-another-shop' WHERE id = :void",
        "void",
    ),
    Damage(
        "ended-subscription-not-charged",
        "UPDATE order_factories SET status = 'aborted' WHERE id = :paid",
        "paid",
    ),
    Damage(
        "ended-subscription-not-charged",
        "UPDATE order_factories SET status = 'aborted' WHERE id = :paid; "
        "UPDATE orders SET status = 'cancelled' WHERE id = :paid_target",
        "paid",
    ),
    Damage(
        "voided-is-cancelled",
        "UPDATE orders SET status = 'placed' WHERE id = :original_target",
        "void",
    ),
    Damage(
        "open-payment-is-voided",
        "UPDATE transactions SET status = 'failed', customer_action = 'https://gateway.invalid' "
        "WHERE id = :paid_authorization",
        "paid_authorization",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
