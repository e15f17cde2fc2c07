"""Damage to retries is found."""

import pytest

from tests.support.damage import Damage


def _retry(invariant: str, changes: str, example: str = "retry", copy: str = "retry") -> Damage:
    return Damage(invariant, f"UPDATE order_factories SET {changes} WHERE id = :{copy}", example)


DAMAGES = [
    _retry("retry-of-same-order", "source_order_id = :plain_source"),
    _retry("retry-of-same-order", "type = 'recurring_order_copies'"),
    _retry("retry-of-same-order", "source_order_id = :plain_source", copy="failed"),
    _retry("retry-of-same-order", "retry_of_id = id"),
    _retry("retry-of-failed-copy", "status = 'pending'", copy="failed"),
    _retry("retry-of-failed-copy", "status = 'completed'", copy="failed"),
    _retry("retry-of-failed-copy", "target_order_id = :barred_source", copy="failed"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
