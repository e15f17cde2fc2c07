"""A year of subscriptions: each period is copied as the independent calendar has it."""

import random

import pytest

from tests.simulations.paying_years import PayingYear
from tests.simulations.years import Run, fill, moments, problems
from tests.support.subscriptions import run_due

pytestmark = pytest.mark.slow


def test_a_year_of_subscriptions_is_what_the_calendar_says(shop):
    chance = random.Random(31)
    fill(shop, 80, chance)

    runs = []
    for now in moments(chance, hours=160):
        run_due(now)
        runs.append(Run(now))

    assert list(problems(runs)) == []


def test_a_year_of_cards_that_fail_is_what_a_model_says(shop, ledger):
    year = PayingYear(shop, ledger, people=10, chance=random.Random(2027))

    year.pass_by()

    assert list(year.problems()) == []
    assert sum(person.charges for person in year.people) > 40
