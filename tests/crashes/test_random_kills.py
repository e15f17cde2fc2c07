"""Workers that are killed at random moments, again and again: nothing is lost or doubled."""

import random
import time

import pytest

from tests.support.crashes.nights import (
    all_copied,
    job,
    outcome,
    selection,
    sources_of_all_kinds,
)
from tests.support.crashes.processes import ended, workers
from tests.support.verifying import violations

pytestmark = pytest.mark.slow

ROUNDS = 7
TIMES = 50
LONGEST_PAUSE_SECONDS = 0.2


def test_three_workers_killed_at_random_times_seven_times(shop):
    chance = random.Random(20_260_115)
    asked = selection(sources_of_all_kinds(shop), times=TIMES)

    for _ in range(ROUNDS):
        with workers(*[job("night", asked, size=2)] * 3) as three:
            for worker in three:
                worker.go()
            for worker in three:
                time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
                worker.kill()
        assert violations() == []
    ended(job("night", asked, size=50))

    assert outcome("night") == all_copied(TIMES)
