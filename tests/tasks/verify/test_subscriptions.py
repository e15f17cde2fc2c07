"""Damage to subscriptions and their copies is found."""

import pytest

from tests.support.damage import Damage


def _copy(invariant: str, changes: str, copy: str) -> Damage:
    return Damage(invariant, f"UPDATE order_factories SET {changes} WHERE id = :{copy}", copy)


def _row(invariant: str, changes: str, copy: str = "renewed") -> Damage:
    statement = f"UPDATE order_subscriptions SET {changes} WHERE id = :{copy}_subscription"
    return Damage(invariant, statement, f"{copy}_subscription")


LAST = "(SELECT period_at FROM order_factories WHERE id = :renewed)"
DAMAGES = [
    _copy("period-copied-once", "attempt = 2", "renewed"),
    _copy("recurring-copy-of-subscription", "type = 'order_copies'", "renewed"),
    _copy("recurring-copy-of-subscription", "mode = 'test'", "renewed"),
    _copy("recurring-copy-of-subscription", "attempt = 3", "declined_again"),
    _copy("recurring-copy-of-subscription", "retry_of_id = NULL", "declined_again"),
    _copy("recurring-copy-of-subscription", "attempt = NULL", "renewed"),
    _row("subscription-counts", "occurrencies = 2"),
    _row("subscription-counts", "errors_count = 1", "declined"),
    _row("next-run-after-last", f"next_run_at = {LAST}"),
    _row("next-run-after-last", "next_run_at = NULL"),
    _row("next-run-after-last", "next_run_at = :long_ago"),
    _row("next-run-after-last", "expires_at = next_run_at"),
    _row("next-run-after-last", "status = 'cancelled'"),
    _row("running-has-copies", "status = 'running'"),
    Damage(
        "running-has-copies",
        "UPDATE order_subscriptions SET running_batch_id = :plain_batch "
        "WHERE id = :renewed_subscription",
        "renewed_subscription",
    ),
    Damage(
        "running-has-copies",
        "UPDATE order_factories SET status = 'pending' WHERE id = :renewed",
        "renewed_subscription",
    ),
    Damage(
        "running-has-copies",
        "UPDATE order_subscriptions SET status = 'running', running_batch_id = :plain_batch "
        "WHERE id = :declined_subscription",
        "declined_subscription",
    ),
    _copy("retry-waits-for-active", "retry_at = :later", "renewed"),
    _copy("retry-waits-for-active", "retry_at = :later", "declined"),
    Damage(
        "retry-waits-for-active",
        "UPDATE order_subscriptions SET status = 'inactive' WHERE id = :declined_subscription",
        "declined_again",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
