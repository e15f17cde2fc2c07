"""Claiming: no two transactions ever copy the same factory, and a dead one holds none."""

import os
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import exists, select, text

from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import Order, OrderFactory
from order_factory.tasks.batches.pending import HAS_NO_OWNER
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.working_set.claims import claim_factory, claim_pending, is_to_copy
from order_factory.tasks.working_set.tables import claims
from tests.support.at_once import run_together
from tests.support.copying import (
    change,
    copy_batch,
    factory_of,
    make_batch,
    read_results,
    request_copy,
)


def list_claimed(db):
    return list(db.scalars(select(claims.c.factory_id).order_by(claims.c.factory_id)))


def test_a_claim_takes_the_oldest_factories_of_its_batch(shop):
    source = shop.order()
    others = make_batch([request_copy(source)])
    factories = [request_copy(source) for _ in range(3)]
    batch = make_batch(factories)

    with begin() as db:
        assert claim_pending(db, batch, limit=2) == 2
        assert list_claimed(db) == factories[:2]

    assert others != batch


def test_a_claim_of_one_factory_takes_no_other(shop):
    source = shop.order()
    _, second, _ = (request_copy(source) for _ in range(3))

    with begin() as db:
        assert claim_factory(db, second) == 1
        assert list_claimed(db) == [second]


@pytest.mark.parametrize("status", ["completed", "failed", "aborted"])
def test_finished_factories_cannot_be_claimed(shop, status):
    factory = request_copy(shop.order())
    batch = make_batch([factory])
    change(OrderFactory, factory, status=status)

    with begin() as db:
        assert claim_factory(db, factory) == 0
        assert claim_pending(db, batch, limit=10) == 0


def test_a_claim_ends_with_its_transaction(shop):
    factory = request_copy(shop.order())
    batch = make_batch([factory])

    with begin() as db:
        claim_pending(db, batch, limit=10)

    with begin() as db:
        assert claim_factory(db, factory) == 1


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_two_transactions_claim_disjoint_factories(shop):
    source = shop.order()
    factories = [request_copy(source) for _ in range(4)]
    batch = make_batch(factories)

    with begin() as first, begin() as second, begin() as third:
        assert claim_pending(first, batch, limit=2) == 2
        assert claim_pending(second, batch, limit=10) == 2
        assert claim_pending(third, batch, limit=10) == 0
        assert claim_factory(third, factories[0]) == 0
        assert (list_claimed(first), list_claimed(second)) == (factories[:2], factories[2:])


def test_many_workers_on_one_batch_copy_each_factory_once(shop):
    source = shop.order()
    factories = [request_copy(source) for _ in range(12)]
    batch = make_batch(factories)

    run_together(*[lambda: work_through(batch)] * 4)

    ended = read_results(factories)
    assert {result.status for result in ended} == {"completed"}
    made = [order.order_factory_id for order in shop.rows(Order) if order.order_factory_id]
    assert sorted(made) == [factory_of(result) for result in ended]


def test_a_process_that_is_killed_leaves_its_factories_to_the_next(shop):
    factories = [request_copy(shop.order(), place_target_order=True) for _ in range(3)]
    batch = make_batch(factories)

    killed = subprocess.run(
        [sys.executable, "-m", "tests.support.killed", str(batch)], env=os.environ, check=False
    )

    assert killed.returncode == -signal.SIGKILL
    assert [result.status for result in read_results(factories)] == ["pending"] * 3
    assert len(shop.rows(Order)) == 3
    deadline = time.monotonic() + 10
    while "pending" in {result.status for result in read_results(factories)}:
        # A PostgreSQL server may need a moment to see that the other side is gone.
        assert time.monotonic() < deadline, "the claims of the dead process were never let go"
        assert copy_batch(batch) == []
    made = [order.order_factory_id for order in shop.rows(Order) if order.order_factory_id]
    assert sorted(made) == factories


def work_through(batch):
    while True:
        with begin() as db:
            size = claim_pending(db, batch, limit=2)
            if not size:
                return
            assert copy_claimed(db, size, None).stuck == []


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_waiting_copies_are_found_without_reading_every_pending_one(shop):
    query = select(exists().where(is_to_copy, HAS_NO_OWNER))
    with reading() as db:
        sql = query.compile(db, compile_kwargs={"literal_binds": True})
        plan = " ".join(row.detail for row in db.execute(text(f"EXPLAIN QUERY PLAN {sql}")))

    assert "ix_order_factories_open (batch_id=?)" in plan
