"""Damage to the payment sources of target orders is found."""

import pytest

from order_factory.models.tables import PaymentSource
from tests.support.damage import Damage, make_damage_per_column


def _payment(invariant: str, changes: str, example: str = "plain_target") -> Damage:
    statement = f"UPDATE payment_sources SET {changes} WHERE id = :plain_payment"
    return Damage(invariant, statement, example)


def _order(invariant: str, new: str, example: str = "plain_target") -> Damage:
    statement = f"UPDATE orders SET payment_source_id = {new} WHERE id = :plain_target"
    return Damage(invariant, statement, example)


DAMAGES = [
    _order("payment-source-complete", "NULL"),
    Damage(
        "payment-source-complete",
        "DELETE FROM copy_errors WHERE order_factory_id = :expired;"
        "UPDATE payment_sources SET expires_at = NULL WHERE id = :expired_source_payment",
        "expired_target",
    ),
    Damage(
        "payment-source-complete",
        "UPDATE order_factories SET reuse_wallet = true WHERE id = :unwanted",
        "unwanted_target",
    ),
    Damage(
        "payment-source-on-request",
        "UPDATE order_factories SET reuse_wallet = false WHERE id = :plain",
        "plain_target",
    ),
    _payment("payment-source-from-own-source", "copied_from_id = :placed_saved"),
    Damage(
        "payment-source-from-own-source",
        "UPDATE orders SET payment_source_id = NULL WHERE id = :plain_source",
        "plain_target",
    ),
    Damage(
        "payment-source-in-wallet",
        "DELETE FROM customer_payment_sources WHERE payment_source_id = :plain_saved",
        "plain_target",
    ),
    Damage(
        "payment-source-in-wallet",
        "UPDATE customer_payment_sources SET customer_id = :guest_source "
        "WHERE payment_source_id = :plain_saved",
        "plain_target",
    ),
    Damage(
        "payment-source-in-wallet",
        "UPDATE orders SET customer_id = NULL WHERE id = :plain_target",
        "plain_target",
    ),
    _payment("payment-source-not-expired", "expires_at = :long_ago", "plain_payment"),
    _payment("payment-source-has-an-origin", "copied_from_id = NULL", "plain_payment"),
    *make_damage_per_column("payment-source-columns", PaymentSource, "plain_payment", "refused_at"),
    _order("payment-source-of-one-order", ":placed_payment", "placed_payment"),
    _order("payment-source-of-one-order", ":placed_saved", "placed_saved"),
    _order("no-leftover-payment-source", "NULL", "plain_payment"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
