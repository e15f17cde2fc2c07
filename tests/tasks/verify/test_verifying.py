"""Verifying as a whole: valid databases, counts, and cost."""

import re
from collections import defaultdict

import pytest
from sqlalchemy import event

from order_factory.models.database.engine import get_engine, reading
from order_factory.models.results.progress import show_progress_with
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.verify import verify
from order_factory.tasks.verify.verifying import INVARIANTS, check
from tests.tasks.verify import (
    test_addresses,
    test_amounts,
    test_batches,
    test_discounts,
    test_errors,
    test_events,
    test_gift_cards,
    test_lines,
    test_merges,
    test_options,
    test_orders,
    test_payment_sources,
    test_payments,
    test_promotions,
    test_retries,
    test_statuses,
    test_stock,
    test_subscriptions,
    test_targets,
    test_transfers,
    test_webhooks,
)

DAMAGED = (
    test_addresses,
    test_amounts,
    test_batches,
    test_discounts,
    test_errors,
    test_events,
    test_gift_cards,
    test_lines,
    test_merges,
    test_options,
    test_orders,
    test_payment_sources,
    test_payments,
    test_promotions,
    test_retries,
    test_statuses,
    test_stock,
    test_subscriptions,
    test_targets,
    test_transfers,
    test_webhooks,
)


def plan_of(invariant):
    """The rows of SQLite's EXPLAIN QUERY PLAN: a step, its parent step, and its description."""
    statements = []

    def note(_db, _cursor, statement, parameters, _context, _many):
        statements.append((statement, parameters))

    with reading() as db:
        event.listen(db, "before_cursor_execute", note)
        check(db, invariant)
        event.remove(db, "before_cursor_execute", note)
        ((statement, parameters),) = statements
        plan = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    get_engine().dispose()
    return [(step, parent, detail) for step, parent, _, detail in plan]


def find_examples(verification):
    return {each.name: each.examples for each in verification.invariants if each.violations}


def test_a_valid_database_has_no_violations(mixed):
    with mixed.damaged() as db:
        verification = verify(db)

    assert find_examples(verification) == {}
    assert verification.violations == 0
    assert (verification.copies, verification.edited_copies) == (26, 2)


def test_an_empty_database_is_valid(shop):
    with reading() as db:
        verification = verify(db)

    assert find_examples(verification) == {}
    assert verification.copies == 0


def test_every_violation_is_counted_and_three_are_shown(mixed):
    copies = ("plain", "guest", "placed", "again")
    targets = sorted(mixed.keys[f"{copy}_target"] for copy in copies)
    named = ", ".join(f":{copy}_target" for copy in copies)
    damage = f"UPDATE orders SET currency_code = 'USD' WHERE id IN ({named})"

    with mixed.damaged(damage) as db:
        verification = verify(db)

    (report,) = [each for each in verification.invariants if each.name == "same-currency"]
    assert report.violations == 4
    assert report.resource == "orders"
    assert report.examples == [public_id(Resource.orders, key) for key in targets[:3]]
    assert verification.violations == sum(each.violations for each in verification.invariants)


def test_a_row_that_breaks_an_invariant_twice_is_counted_twice_and_shown_once(mixed):
    with mixed.damaged("DELETE FROM line_items WHERE order_id = :plain_target") as db:
        verification = verify(db)

    (report,) = [each for each in verification.invariants if each.name == "lines-complete"]
    assert report.violations == 2
    assert report.examples == [public_id(Resource.order_factories, mixed.keys["plain"])]


def test_verify_only_reads(mixed):
    with mixed.damaged() as db:
        mixed.forbid_writing(db)

        verification = verify(db)

    assert verification.violations == 0


def test_the_progress_is_reported(shop):
    reports = []

    with reading() as db, show_progress_with(lambda *step: reports.append(step)):
        verify(db)

    count = len(INVARIANTS)
    assert reports == [("verify", done, count) for done in range(count + 1)]


@pytest.mark.parametrize("mixed", ["sqlite"], indirect=True)  # PostgreSQL stores nothing but JSON
def test_verify_finds_an_errors_log_that_is_not_json(mixed):
    with mixed.damaged("UPDATE order_factories SET errors_log = 'late' WHERE id = :plain") as db:
        broken_names = find_examples(verify(db))

    assert broken_names == {
        "errors-log": [public_id(Resource.order_factories, mixed.keys["plain"])]
    }


def test_every_invariant_has_a_name_a_meaning_and_a_damage():
    names = [each.name for each in INVARIANTS]
    damaged = {damage.invariant for module in DAMAGED for damage in module.DAMAGES}

    assert damaged == set(names)
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", name) for name in names)
    sentences = r"[A-Za-z][^.]*\.( [A-Z][^.]*\.)*"
    assert all(re.fullmatch(sentences, each.meaning) for each in INVARIANTS)


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda each: each.name)
def test_the_time_grows_linearly_with_the_rows(invariant, sqlite_url, monkeypatch):
    # Given: SQLite's plans depend on the indexes alone, for nothing here gathers statistics.
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", sqlite_url)

    plan = plan_of(invariant)

    loops = defaultdict(list)
    for step, parent, detail in plan:
        loops[parent].append(detail)
        if "CORRELATED" in detail:
            loops[step].append("SCAN of what it belongs to")
    for details in loops.values():
        scans = [each for each in details if re.match(r"SCAN (?!\S+ VIRTUAL)", each)]
        assert len(scans) <= 1, details
