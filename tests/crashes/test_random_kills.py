"""Workers that are killed at random moments, again and again: nothing is lost or doubled."""

import random
import time

import pytest

from tests.support.crashes.nights import (
    make_expected_outcome,
    make_job,
    make_selection,
    make_sources_of_all_kinds,
    read_outcome,
)
from tests.support.crashes.processes import drain_to_end, start_workers
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow

ROUNDS = 7
TIMES = 50
LONGEST_PAUSE_SECONDS = 0.2


def test_three_workers_killed_at_random_times_seven_times(shop):
    chance = random.Random(20_260_115)
    selection = make_selection(make_sources_of_all_kinds(shop), times=TIMES)

    for _ in range(ROUNDS):
        with start_workers(*[make_job("night", selection, size=2)] * 3) as three:
            for worker in three:
                worker.go()
            for worker in three:
                time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
                worker.kill()
        assert find_violations() == []
    drain_to_end(make_job("night", selection, size=50))

    assert read_outcome("night") == make_expected_outcome(TIMES)
