"""A year of subscriptions: each period is copied as the independent calendar has it."""

import random

import pytest

from tests.simulations.paying_years import PayingYear
from tests.simulations.years import Run, fill, moments, problems
from tests.support.subscriptions import run_due

pytestmark = pytest.mark.slow


def test_a_year_of_subscriptions_matches_the_calendar(shop):
    chance = random.Random(31)
    fill(shop, 80, chance)

    runs = []
    for now in moments(chance, hours=160):
        run_due(now)
        runs.append(Run(now))

    assert list(problems(runs)) == []


def test_a_year_of_failing_cards_matches_a_model(shop, ledger):
    year = PayingYear(shop, ledger, people=10, chance=random.Random(2027))

    year.pass_by()

    assert list(year.problems()) == []
    assert sum(person.charges for person in year.people) > 40
