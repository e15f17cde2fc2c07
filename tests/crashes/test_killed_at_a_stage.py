"""A worker that is killed at any stage of a batch: the next one ends as if nothing had been."""

import pytest

from tests.support.crashes.nights import (
    ENDINGS,
    all_copied,
    job,
    outcome,
    selection,
    sources_of_all_kinds,
    statuses,
)
from tests.support.crashes.processes import ended, killed_at_its_stop
from tests.support.crashes.stages import AFTER_COMMIT, BEFORE_COMMIT
from tests.support.crashes.worker import Job
from tests.support.verifying import violations

pytestmark = pytest.mark.slow

FIRST_HALF = ENDINGS[:2] + ["pending"] * 2


def test_a_run_killed_before_recording_leaves_nothing(shop):
    asked = selection(sources_of_all_kinds(shop))

    killed_at_its_stop(job("night", asked, size=2, stop_at="recording"))

    assert statuses("night") == []
    assert ended(job("night", asked, size=2)) == 4
    assert outcome("night") == all_copied(times=1)


def test_a_run_killed_before_the_first_copy_is_finished_later(shop):
    asked = selection(sources_of_all_kinds(shop))

    for stage in ("recorded", "started"):
        killed_at_its_stop(job("night", asked, size=2, stop_at=stage))
        assert statuses("night") == ["pending"] * 4

    assert ended(job("night", asked, size=2)) == 4
    assert outcome("night") == all_copied(times=1)


def test_a_transaction_killed_at_any_stage_copies_once(shop):
    asked = selection(sources_of_all_kinds(shop))
    left = {**dict.fromkeys(BEFORE_COMMIT, 2), **dict.fromkeys(AFTER_COMMIT, 0)}
    unfinished: list[Job] = []
    closed = []

    for stage, pending in left.items():
        doomed = job(stage, asked, size=2, stop_at=stage, nth=2)
        closed += killed_at_its_stop(*unfinished, doomed)
        assert statuses(stage) == (FIRST_HALF if pending else ENDINGS), stage
        assert violations() == [], stage
        unfinished = [job(stage, asked, size=2)]
    closed.append(ended(*unfinished))

    assert closed == list(left.values())
    assert outcome(*left) == all_copied(times=len(left))


def test_a_batch_killed_while_it_is_closed_is_closed_later(shop):
    asked = selection(sources_of_all_kinds(shop))

    for stage in ("finishing", "finished"):
        killed_at_its_stop(job("night", asked, size=2, stop_at=stage))
        assert statuses("night") == ENDINGS

    assert ended(job("night", asked, size=2)) == 0
    assert outcome("night") == all_copied(times=1)
