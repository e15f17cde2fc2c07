"""The programs in examples/ do what their first lines say."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from order_factory.models.database.engine import reading
from order_factory.models.tables import OrderFactory
from order_factory.models.tables.base import utc_now
from order_factory.tasks.verify import verify
from tests.support.documents import ROOT

EXAMPLES = ROOT / "examples"
pytestmark = pytest.mark.slow


@pytest.fixture
def run(prefect, tmp_path, monkeypatch):
    """Run an example in a folder of its own; its exit code and what it printed."""
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())

    def run(name, *arguments, **settings):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / name), *arguments],
            cwd=tmp_path,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, done.stdout.splitlines()

    return run


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.*")), ids=lambda path: path.name)
def test_an_example_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60


def test_the_nightly_batch_copies_the_new_orders_and_prints_the_errors(shop, run, tmp_path):
    for hours in (1, 23, 25):
        shop.order(placed_at=utc_now() - timedelta(hours=hours))
    shop.order(placed_at=utc_now(), shipping_address_id=None)

    code, printed = run("nightly_batch.py")
    again, printed_again = run("nightly_batch.py")

    assert (code, again) == (1, 1)
    assert re.fullmatch(r"nightly-\d{4}-\d\d-\d\d: 2 of 3 orders copied", printed[0])
    assert printed[1] == (
        "1 x shipping_address, shipping_address_missing: the order has no shipping address"
    )
    assert printed_again == printed
    report = Path(tmp_path, printed[2].removeprefix("report: "))
    assert len(report.read_text(encoding="utf-8").splitlines()) == 1 + 3
    assert len(shop.rows(OrderFactory)) == 3
    with reading() as db:
        assert not any(each.violations for each in verify(db).invariants)


def test_a_year_of_a_subscription_has_twelve_renewals(run):
    code, printed = run("subscription_year.py")

    days = [line.split()[0] for line in printed]
    assert code == 0
    assert days == [
        *("2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30", "2027-07-31"),
        *("2027-08-31", "2027-09-30", "2027-10-31", "2027-11-30", "2027-12-31", "2028-01-31"),
    ]
    assert len({line.split()[2] for line in printed}) == 12
    assert {line.split()[3] for line in printed} == {"placed"}
