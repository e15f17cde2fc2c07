"""A worker is killed at any stage of a batch: the next one has the outcome of an undisturbed run."""

import pytest

from tests.support.crashes.nights import (
    ENDINGS,
    make_expected_outcome,
    make_job,
    make_selection,
    make_sources_of_all_kinds,
    read_outcome,
    read_statuses,
)
from tests.support.crashes.processes import drain_to_end, kill_at_stop
from tests.support.crashes.stages import AFTER_COMMIT, BEFORE_COMMIT
from tests.support.crashes.worker import Job
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow

FIRST_HALF = ENDINGS[:2] + ["pending"] * 2


def test_a_run_killed_before_recording_leaves_nothing(shop):
    selection = make_selection(make_sources_of_all_kinds(shop))

    kill_at_stop(make_job("night", selection, size=2, stop_at="recording"))

    assert read_statuses("night") == []
    assert drain_to_end(make_job("night", selection, size=2)) == 4
    assert read_outcome("night") == make_expected_outcome(times=1)


def test_a_run_killed_before_the_first_copy_is_finished_later(shop):
    selection = make_selection(make_sources_of_all_kinds(shop))

    for stage in ("recorded", "started"):
        kill_at_stop(make_job("night", selection, size=2, stop_at=stage))
        assert read_statuses("night") == ["pending"] * 4

    assert drain_to_end(make_job("night", selection, size=2)) == 4
    assert read_outcome("night") == make_expected_outcome(times=1)


def test_a_transaction_killed_at_any_stage_copies_once(shop):
    selection = make_selection(make_sources_of_all_kinds(shop))
    left = {**dict.fromkeys(BEFORE_COMMIT, 2), **dict.fromkeys(AFTER_COMMIT, 0)}
    unfinished: list[Job] = []
    closed = []

    for stage, pending in left.items():
        doomed = make_job(stage, selection, size=2, stop_at=stage, nth=2)
        closed += kill_at_stop(*unfinished, doomed)
        assert read_statuses(stage) == (FIRST_HALF if pending else ENDINGS), stage
        assert find_violations() == [], stage
        unfinished = [make_job(stage, selection, size=2)]
    closed.append(drain_to_end(*unfinished))

    assert closed == list(left.values())
    assert read_outcome(*left) == make_expected_outcome(times=len(left))


def test_a_batch_killed_while_it_is_closed_is_closed_later(shop):
    selection = make_selection(make_sources_of_all_kinds(shop))

    for stage in ("finishing", "finished"):
        kill_at_stop(make_job("night", selection, size=2, stop_at=stage))
        assert read_statuses("night") == ENDINGS

    assert drain_to_end(make_job("night", selection, size=2)) == 0
    assert read_outcome("night") == make_expected_outcome(times=1)
