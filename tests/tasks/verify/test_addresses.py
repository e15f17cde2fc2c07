"""Damage to the addresses of target orders is found."""

import pytest

from order_factory.models.tables import Address
from tests.support.damage import Damage, make_damage_per_column


def _order(invariant: str, changes: str, copy: str, example: str | None = None) -> Damage:
    statement = f"UPDATE orders SET {changes} WHERE id = :{copy}_target"
    return Damage(invariant, statement, example or f"{copy}_target")


DAMAGES = [
    _order("addresses-complete", "billing_address_id = NULL", "plain"),
    _order("addresses-complete", "shipping_address_id = NULL", "placed"),
    _order("addresses-complete", "shipping_address_id = billing_address_id", "skipped"),
    Damage(
        "addresses-complete",
        "DELETE FROM copy_errors WHERE order_factory_id = :skipped "
        "AND code = 'shipping_address_outside_lock'",
        "skipped_target",
    ),
    Damage(
        "addresses-complete",
        "UPDATE orders SET billing_address_id = NULL WHERE id = :plain_source",
        "plain_target",
    ),
    Damage(
        "addresses-from-own-source",
        "UPDATE addresses SET copied_from_id = :guest_billing WHERE id = :plain_billing",
        "plain_target",
    ),
    _order(
        "addresses-from-own-source",
        "billing_address_id = :placed_shipping, shipping_address_id = :placed_billing",
        "placed",
    ),
    Damage(
        "addresses-have-an-origin",
        "UPDATE addresses SET copied_from_id = NULL WHERE id = :plain_billing",
        "plain_billing",
    ),
    Damage(
        "addresses-have-an-origin",
        "UPDATE addresses SET copied_from_id = NULL WHERE id = :placed_shipping",
        "placed_shipping",
    ),
    _order("shared-address-stays-shared", "shipping_address_id = :guest_billing", "plain"),
    _order("shared-address-stays-shared", "shipping_address_id = billing_address_id", "placed"),
    *make_damage_per_column("address-columns", Address, "plain_billing"),
    *make_damage_per_column("address-columns", Address, "placed_shipping"),
    _order(
        "addresses-of-one-order", "billing_address_id = :guest_billing", "plain", "guest_billing"
    ),
    _order(
        "addresses-of-one-order",
        "billing_address_id = :pending_source_billing",
        "plain",
        "pending_source_billing",
    ),
    _order(
        "no-leftover-address",
        "billing_address_id = NULL, shipping_address_id = NULL",
        "plain",
        "plain_billing",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
