"""Damage to webhooks and their deliveries is found."""

import pytest

from tests.support.damage import Damage

DAMAGES = [
    Damage(
        "event-delivered",
        "DELETE FROM event_callbacks WHERE id = :delivered",
        "delivered_event",
    ),
    Damage(
        "event-delivered",
        "UPDATE webhooks SET topic = 'order_factories.complete' WHERE id = :webhook; "
        "DELETE FROM event_callbacks WHERE id = :delivered",
        "delivered_event",
    ),
    Damage(
        "delivery-ended",
        "UPDATE event_callbacks SET ended_at = NULL WHERE id = :delivered",
        "delivered",
    ),
    Damage(
        "delivery-ended",
        "UPDATE event_callbacks SET status = 'pending' WHERE id = :delivered",
        "delivered",
    ),
    Damage(
        "circuit-tried-again",
        "UPDATE webhooks SET circuit_state = 'open' WHERE id = :webhook",
        "webhook",
    ),
    Damage(
        "circuit-tried-again",
        "UPDATE webhooks SET circuit_retry_at = :later WHERE id = :webhook",
        "webhook",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
