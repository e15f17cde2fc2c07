"""Damage to the events of factories is found."""

import pytest

from tests.support.damage import Damage


def _gone(invariant: str, event: str, of: str) -> Damage:
    mine = f"order_factory_id = :{of} AND name = 'order_factories.{event}'"
    return Damage(invariant, f"DELETE FROM events WHERE {mine}", of)


def _more(invariant: str, event: str, of: str) -> Damage:
    return Damage(
        invariant,
        "INSERT INTO events (name, order_factory_id, created_at) "
        f"VALUES ('order_factories.{event}', :{of}, :later)",
        of,
    )


def _status(invariant: str, status: str, of: str) -> Damage:
    statement = f"UPDATE order_factories SET status = '{status}' WHERE id = :{of}"
    return Damage(invariant, statement, of)


DAMAGES = [
    _gone("created-once", "create", "plain"),
    _gone("created-once", "create", "pending"),
    _more("created-once", "create", "failed"),
    _gone("started-once", "start", "plain"),
    _gone("started-once", "start", "failed"),
    _more("started-once", "start", "plain"),
    _more("started-once", "start", "pending"),
    _more("started-once", "start", "aborted"),
    _status("started-once", "in_progress", "pending"),
    _gone("ended-once", "complete", "plain"),
    _gone("ended-once", "fail", "failed"),
    _gone("ended-once", "abort", "aborted"),
    _more("ended-once", "complete", "plain"),
    _more("ended-once", "fail", "plain"),
    _more("ended-once", "abort", "plain"),
    _more("ended-once", "complete", "pending"),
    _status("ended-once", "completed", "failed"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
