"""Damage to the columns that a target order takes from its source is found."""

import pytest

from order_factory.models.tables import Order
from tests.support.damage import Damage, make_damage_per_column

# The columns that a target order does not copy, or that another check compares.
_OWN = (
    "number",
    "order_factory_id",
    "status",
    "payment_status",
    "fulfillment_status",
    "customer_id",
    "customer_email",
    "billing_address_id",
    "shipping_address_id",
    "payment_source_id",
    "placed_at",
    "approved_at",
    "cancelled_at",
    "archived_at",
    "refreshed_at",
    *(column.key for column in Order.__table__.c if column.key.endswith("_cents")),
)


def _mode(table: str, row: str, copy: str = "plain") -> Damage:
    statement = f"UPDATE {table} SET mode = 'test' WHERE id = :{row}"
    return Damage("mode-not-crossed", statement, copy)


def _customer(changes: str, of: str) -> Damage:
    statement = f"UPDATE orders SET {changes} WHERE id = :{of}_target"
    return Damage("same-customer", statement, f"{of}_target")


DAMAGES = [
    *make_damage_per_column("order-columns", Order, "plain_target", *_OWN),
    Damage(
        "order-columns",
        "UPDATE orders SET metadata = NULL WHERE id = :plain_target",
        "plain_target",
    ),
    Damage(
        "same-currency",
        "UPDATE orders SET currency_code = 'USD' WHERE id = :plain_target",
        "plain_target",
    ),
    _customer("customer_id = :placed_customer", "plain"),
    _customer("customer_id = NULL", "plain"),
    _customer("customer_id = :plain_customer", "guest"),
    _customer("customer_id = :plain_customer", "barred"),
    _customer("customer_email = NULL", "plain"),
    _customer("customer_email = 'someone@shop.example'", "plain"),
    _customer("customer_email = 'someone@shop.example'", "nameless"),
    _customer("customer_email = 'someone@shop.example'", "barred"),
    Damage(
        "same-customer",
        "UPDATE order_factories SET skip_errors = false WHERE id = :barred",
        "barred_target",
    ),
    Damage(
        "asked-customer",
        "UPDATE order_factories SET target_customer = '=nobody@shop.example' WHERE id = :plain",
        "plain_target",
    ),
    _mode("order_factories", "plain"),
    _mode("orders", "plain_source"),
    _mode("orders", "plain_target"),
    _mode("customers", "plain_customer"),
    _mode("addresses", "plain_billing"),
    _mode("addresses", "placed_shipping", "placed"),
    _mode("payment_sources", "plain_payment"),
    _mode("payment_methods", "plain_method"),
    _mode("orders", "pending_source", "pending"),
    _mode("order_factory_batches", "pending_batch", "pending"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
