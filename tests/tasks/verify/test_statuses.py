"""Damage to statuses, their times, and the placement of target orders is found."""

import pytest

from tests.support.damage import Damage


def _factory(changes: str, copy: str) -> Damage:
    return Damage(
        "times-fit-status", f"UPDATE order_factories SET {changes} WHERE id = :{copy}", copy
    )


def _target(invariant: str, changes: str, copy: str, example: str | None = None) -> Damage:
    statement = f"UPDATE orders SET {changes} WHERE id = :{copy}_target"
    return Damage(invariant, statement, example or f"{copy}_target")


DAMAGES = [
    _factory("started_at = created_at", "pending"),
    _factory("completed_at = created_at", "pending"),
    _factory("failed_at = created_at", "pending"),
    _factory("status = 'in_progress'", "pending"),
    _factory("completed_at = created_at", "aborted"),
    _factory("failed_at = created_at", "aborted"),
    _factory("started_at = NULL", "plain"),
    _factory("completed_at = NULL", "plain"),
    _factory("completed_at = :long_ago", "plain"),
    _factory("failed_at = completed_at", "plain"),
    _factory("started_at = NULL", "failed"),
    _factory("failed_at = NULL", "failed"),
    _factory("failed_at = :long_ago", "failed"),
    _factory("completed_at = failed_at", "failed"),
    _factory("status = 'finished'", "plain"),
    _target("number-and-time-of-placement", "number = NULL", "placed"),
    _target("number-and-time-of-placement", "placed_at = NULL", "placed"),
    _target("number-and-time-of-placement", "number = NULL", "plain"),
    _target("number-and-time-of-placement", "placed_at = :long_ago", "plain"),
    _target("number-and-time-of-placement", "status = 'placed'", "plain"),
    _target("number-and-time-of-placement", "status = 'approved', number = 'OF1'", "plain"),
    _target("placed-as-asked", "status = 'pending', placed_at = NULL", "placed", "placed"),
    Damage(
        "placed-as-asked",
        "DELETE FROM copy_errors WHERE order_factory_id = :excused AND field = 'status'",
        "excused",
    ),
    Damage(
        "placed-as-asked",
        "UPDATE order_factories SET skip_errors = false WHERE id = :excused",
        "excused",
    ),
    _target("not-placed-unasked", "placed_at = :long_ago", "plain", "plain"),
    _target("not-placed-unasked", "placed_at = :long_ago", "unplaceable", "unplaceable"),
    _target("target-without-history", "status = 'approved'", "plain"),
    _target("target-without-history", "payment_status = 'paid'", "plain"),
    _target("target-without-history", "fulfillment_status = 'fulfilled'", "plain"),
    _target("target-without-history", "approved_at = :long_ago", "plain"),
    _target("target-without-history", "cancelled_at = :long_ago", "plain"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
