"""A dry run: it reports exactly how the batch would end, and changes nothing."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.models.database.engine import begin, get_engine, reading
from order_factory.models.errors import InvalidRequest
from order_factory.models.tables import Order, OrderFactoryBatch
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.selections.recording import record_rows
from tests.support.copying import read_database
from tests.support.crashes.nights import make_frame, make_selection, make_sources_of_all_kinds

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]

COUNTS = ("orders_count", "completed", "completed_with_errors", "failed", "aborted", "pending")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def night(shop):
    """A file of twelve copies to place: valid ones, invalid ones, and ones that lack a line."""
    selection = make_selection(make_sources_of_all_kinds(shop), times=3)
    make_frame(selection).to_json("night.jsonl", orient="records", lines=True)
    return "night.jsonl"


def next_keys():
    """How far each table's keys are drawn."""
    with reading() as db:
        if db.dialect.name == "sqlite":
            return list(db.execute(text("SELECT name, seq FROM sqlite_sequence ORDER BY name")))
        names = db.scalars(
            text("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1")
        )
        return [
            (name, *db.execute(text(f"SELECT last_value, is_called FROM {name}")).one())
            for name in list(names)
        ]


def counts(result):
    return {name: getattr(result, name) for name in COUNTS}


def detail(path):
    return pd.read_csv(path).drop(
        columns=["order_factory", "target_order", "target_number", "started_at", "ended_at"]
    )


def test_a_dry_run_reports_the_result_and_changes_nothing(shop, night):
    before = (read_database(), next_keys())

    state = bulk_order_factory(
        night, "night", place_target_order=True, batch_size=5, dry_run=True, return_state=True
    )

    foretold = state.result()
    assert (read_database(), next_keys()) == before
    assert (state.name, foretold.dry_run) == ("DryRun", True)
    assert state.message == (
        "9 of 12 orders would be copied, 3 would fail; this was a dry run, and nothing was changed"
    )
    real = bulk_order_factory(night, "night", place_target_order=True, batch_size=5)
    assert counts(foretold) == counts(real)
    assert foretold.errors == real.errors
    assert foretold.report_path == "var/reports/night-dry-run.csv"
    pd.testing.assert_frame_equal(detail(foretold.report_path), detail(real.report_path))
    assert pd.read_csv(foretold.report_path)["target_order"].isna().all()
    assert "Dry run of batch night" in Path(foretold.page_path or "").read_text()


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_the_downloaded_file_is_identical(shop, night):
    with begin() as db:
        file = db.scalar(text("SELECT file FROM pragma_database_list WHERE name = 'main'"))
    get_engine().dispose()
    before = hashlib.sha256(Path(file).read_bytes()).hexdigest()

    bulk_order_factory(night, "night", dry_run=True)

    get_engine().dispose()
    assert hashlib.sha256(Path(file).read_bytes()).hexdigest() == before
    assert shop.rows(OrderFactoryBatch) == []


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_keys_drawn_by_other_transactions_are_not_used(shop, night, monkeypatch):
    made: list[int] = []

    def step(_db, _batch):
        if not made:
            made.append(shop.add(Order, currency_code="EUR"))
        return 0

    STEPS.append(step)
    bulk_order_factory(night, "night", dry_run=True)

    assert shop.add(Order, currency_code="EUR") > made[0]


def test_a_dry_run_of_a_started_batch_shows_the_rest(shop):
    selection = make_selection(make_sources_of_all_kinds(shop))
    with begin() as db:
        record_rows(db, "begun", selection)
    before = read_database()

    result = bulk_order_factory(reference="begun", dry_run=True)

    assert (result.completed, result.failed, result.pending) == (3, 1, 0)
    assert read_database() == before


@pytest.mark.parametrize("given", [{"dry_run": True}, {"error_policy": "reject_everything"}])
def test_an_indivisible_batch_runs_in_threads_only(shop, night, given):
    before = read_database()

    with pytest.raises(InvalidRequest, match="Use the runner threads"):
        bulk_order_factory(night, "night", runner="flow_runs", **given)

    assert read_database() == before
