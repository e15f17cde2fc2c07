"""Damage to batches is found."""

import pytest

from tests.support.damage import Damage


def _batch(invariant: str, changes: str, copy: str) -> Damage:
    statement = f"UPDATE order_factory_batches SET {changes} WHERE id = :{copy}_batch"
    return Damage(invariant, statement, f"{copy}_batch")


DAMAGES = [
    _batch("batch-count", "orders_count = orders_count + 1", "plain"),
    Damage(
        "batch-count",
        "UPDATE order_factories SET batch_id = NULL WHERE id = :pending",
        "pending_batch",
    ),
    _batch("completed-batch-is-done", "status = 'completed'", "pending"),
    Damage(
        "completed-batch-is-done",
        "UPDATE order_factories SET status = 'in_progress' WHERE id = :plain",
        "plain_batch",
    ),
    _batch("batch-times-fit-status", "started_at = created_at", "pending"),
    _batch("batch-times-fit-status", "completed_at = created_at", "pending"),
    _batch("batch-times-fit-status", "status = 'in_progress'", "pending"),
    _batch("batch-times-fit-status", "status = 'aborted'", "plain"),
    _batch("batch-times-fit-status", "status = 'finished'", "plain"),
    _batch("batch-times-fit-status", "completed_at = NULL", "plain"),
    _batch("batch-times-fit-status", "completed_at = :long_ago", "plain"),
    _batch("batch-file-until-read", "errors_count = 1", "plain"),
    _batch("batch-file-until-read", "dry_run = TRUE", "plain"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
