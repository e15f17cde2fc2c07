"""Damage to the events of factories is found."""

import pytest

from tests.support.damage import Damage


def _remove_event(invariant: str, event: str, copy: str) -> Damage:
    condition = f"order_factory_id = :{copy} AND name = 'order_factories.{event}'"
    return Damage(invariant, f"DELETE FROM events WHERE {condition}", copy)


def _add_event(invariant: str, event: str, copy: str) -> Damage:
    return Damage(
        invariant,
        "INSERT INTO events (name, order_factory_id, created_at) "
        f"VALUES ('order_factories.{event}', :{copy}, :later)",
        copy,
    )


def _status(invariant: str, status: str, copy: str) -> Damage:
    statement = f"UPDATE order_factories SET status = '{status}' WHERE id = :{copy}"
    return Damage(invariant, statement, copy)


DAMAGES = [
    _remove_event("created-once", "create", "plain"),
    _remove_event("created-once", "create", "pending"),
    _add_event("created-once", "create", "failed"),
    _remove_event("started-once", "start", "plain"),
    _remove_event("started-once", "start", "failed"),
    _add_event("started-once", "start", "plain"),
    _add_event("started-once", "start", "pending"),
    _add_event("started-once", "start", "aborted"),
    _status("started-once", "in_progress", "pending"),
    _remove_event("ended-once", "complete", "plain"),
    _remove_event("ended-once", "fail", "failed"),
    _remove_event("ended-once", "abort", "aborted"),
    _add_event("ended-once", "complete", "plain"),
    _add_event("ended-once", "fail", "plain"),
    _add_event("ended-once", "abort", "plain"),
    _add_event("ended-once", "complete", "pending"),
    _status("ended-once", "completed", "failed"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
