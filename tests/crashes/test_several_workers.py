"""Several processes on one batch, some of them killed: every factory is copied, and only once."""

import pytest

from tests.support.crashes.nights import all_copied, job, outcome, selection, sources_of_all_kinds
from tests.support.crashes.processes import ended, workers

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "stage", ["claimed", "within copy_line_items", "before record_outcomes", "copied", "committed"]
)
def test_two_workers_finish_after_the_third_is_killed(shop, stage):
    asked = selection(sources_of_all_kinds(shop), times=6)
    going_on = job("night", asked, size=3)
    doomed = job("night", asked, size=3, stop_at=stage)

    with workers(doomed, going_on, going_on) as (victim, second, third):
        assert victim.go().stopped_at() == stage
        second.go()
        third.go()
        victim.kill()
        closed = [worker.closed() for worker in (second, third)]

    assert sum(closed) == (21 if stage == "committed" else 24)
    assert ended(going_on) == 0
    assert outcome("night") == all_copied(times=6)


def test_eight_at_once_copy_each_factory_once(shop):
    asked = selection(sources_of_all_kinds(shop), times=16)

    with workers(*[job("night", asked, size=2)] * 8) as all_eight:
        for worker in all_eight:
            worker.go()
        closed = [worker.closed() for worker in all_eight]

    assert sum(closed) == 64
    assert outcome("night") == all_copied(times=16)
