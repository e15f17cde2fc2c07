"""A worker that is killed at any stage of a batch: the next one ends as if nothing had been."""

from tests.crashes.nights import (
    ENDINGS,
    PIECES,
    copies_made,
    job,
    selection,
    sources_of_all_kinds,
    statuses,
    stock,
    violations,
)
from tests.crashes.processes import ended, killed_at_its_stop
from tests.crashes.stages import AFTER_COMMIT, BEFORE_COMMIT

FIRST_HALF = [*ENDINGS[:2], "pending", "pending"]


def test_killed_before_anything_is_recorded(shop):
    asked = selection(sources_of_all_kinds(shop))

    killed_at_its_stop(job("night", asked, size=2, stop_at="recording"))

    assert statuses("night") == []
    assert ended(job("night", asked, size=2)) == 4
    assert_copied(["night"])


def test_killed_before_the_first_copy(shop):
    asked = selection(sources_of_all_kinds(shop))

    for stage in ("recorded", "started"):
        killed_at_its_stop(job("night", asked, size=2, stop_at=stage))
        assert statuses("night") == ["pending"] * 4

    assert ended(job("night", asked, size=2)) == 4
    assert_copied(["night"])


def test_killed_at_any_stage_of_a_transaction(shop):
    asked = selection(sources_of_all_kinds(shop))
    left = {**dict.fromkeys(BEFORE_COMMIT, 2), **dict.fromkeys(AFTER_COMMIT, 0)}
    closed = {}

    for stage, pending in left.items():
        killed_at_its_stop(job(stage, asked, size=2, stop_at=stage, nth=2))
        assert statuses(stage) == (FIRST_HALF if pending else list(ENDINGS)), stage
        closed[stage] = ended(job(stage, asked, size=2))
        assert violations() == [], stage

    assert closed == left
    assert_copied(list(left))


def test_killed_while_the_batch_is_closed(shop):
    asked = selection(sources_of_all_kinds(shop))

    for stage in ("finishing", "finished"):
        killed_at_its_stop(job("night", asked, size=2, stop_at=stage))
        assert statuses("night") == list(ENDINGS)

    assert ended(job("night", asked, size=2)) == 0
    assert_copied(["night"])


def assert_copied(batches):
    """Each of the batches has its three copies, once, and has taken its pieces, once."""
    assert {batch: tuple(statuses(batch)) for batch in batches} == dict.fromkeys(batches, ENDINGS)
    assert copies_made() == 3 * len(batches)
    assert stock() == {sku: 1000 - pieces * len(batches) for sku, pieces in PIECES.items()}
    assert violations() == []
