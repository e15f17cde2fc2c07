"""Several processes on one batch, some of them killed: every factory is copied, and only once."""

import pytest

from tests.support.crashes.nights import (
    make_expected_outcome,
    make_job,
    make_selection,
    make_sources_of_all_kinds,
    read_outcome,
)
from tests.support.crashes.processes import drain_to_end, start_workers

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "stage", ["claimed", "within copy_line_items", "before record_outcomes", "copied", "committed"]
)
def test_two_workers_finish_after_the_third_is_killed(shop, stage):
    selection = make_selection(make_sources_of_all_kinds(shop), times=4)
    going_on = make_job("night", selection, size=3)
    doomed = make_job("night", selection, size=3, stop_at=stage)

    with start_workers(doomed, going_on, going_on) as (victim, second, third):
        assert victim.go().wait_for_stop() == stage
        second.go()
        third.go()
        victim.kill()
        closed = [worker.wait_for_end() for worker in (second, third)]

    assert sum(closed) == (13 if stage == "committed" else 16)
    assert drain_to_end(going_on) == 0
    assert read_outcome("night") == make_expected_outcome(times=4)


def test_eight_at_once_copy_each_factory_once(shop):
    selection = make_selection(make_sources_of_all_kinds(shop), times=8)

    with start_workers(*[make_job("night", selection, size=2)] * 8) as all_eight:
        for worker in all_eight:
            worker.go()
        closed = [worker.wait_for_end() for worker in all_eight]

    assert sum(closed) == 32
    assert read_outcome("night") == make_expected_outcome(times=8)
