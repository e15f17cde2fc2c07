"""Damage to the pairs of factories and target orders is found."""

import pytest

from tests.support.damage import Damage

DAMAGES = [
    Damage(
        "completed-has-target",
        "UPDATE order_factories SET target_order_id = NULL WHERE id = :plain",
        "plain",
    ),
    Damage(
        "completed-has-target",
        "UPDATE order_factories SET target_order_id = 999999 WHERE id = :plain",
        "plain",
    ),
    Damage(
        "one-target-per-factory",
        "DROP INDEX uq_orders_order_factory_id;"
        "UPDATE orders SET order_factory_id = :plain WHERE id = :guest_target",
        "plain",
    ),
    Damage(
        "factory-name-used-once",
        "DROP INDEX uq_order_factories_idempotency_key;"
        "UPDATE order_factories SET idempotency_key = 'buy-0' WHERE id IN (:plain, :replaced)",
        "replaced",
    ),
    Damage(
        "target-is-its-own",
        "UPDATE orders SET order_factory_id = NULL WHERE id = :plain_target",
        "plain",
    ),
    Damage(
        "target-is-its-own",
        "DROP INDEX uq_order_factories_target_order_id;"
        "UPDATE order_factories SET target_order_id = :guest_target WHERE id = :plain",
        "plain",
    ),
    Damage(
        "no-orphan-target",
        "UPDATE orders SET order_factory_id = :failed WHERE id = :failed_source",
        "failed_source",
    ),
    Damage(
        "no-orphan-target",
        "UPDATE orders SET order_factory_id = 999999 WHERE id = :failed_source",
        "failed_source",
    ),
    Damage(
        "failed-has-no-target",
        "UPDATE order_factories SET target_order_id = :failed_source WHERE id = :failed",
        "failed",
    ),
    Damage(
        "failed-has-no-target",
        "UPDATE copy_errors SET code = 'another' "
        "WHERE order_factory_id = :unplaceable AND code = 'cannot_be_placed'",
        "unplaceable",
    ),
    Damage(
        "unplaceable-keeps-target",
        "UPDATE order_factories SET target_order_id = NULL WHERE id = :unplaceable",
        "unplaceable",
    ),
    Damage(
        # The one before handed its order over; nobody has taken this one's.
        "unplaceable-keeps-target",
        "UPDATE order_factories SET target_order_id = NULL WHERE id = :declined_again",
        "declined_again",
    ),
    Damage(
        "unfinished-has-no-target",
        "UPDATE order_factories SET status = 'in_progress', failed_at = NULL "
        "WHERE id = :declined_again",
        "declined_again",
    ),
    Damage(
        "unfinished-has-no-target",
        "UPDATE order_factories SET target_order_id = :pending_source WHERE id = :pending",
        "pending",
    ),
    Damage(
        "unfinished-has-no-target",
        "UPDATE order_factories SET target_order_id = :aborted_source WHERE id = :aborted",
        "aborted",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
