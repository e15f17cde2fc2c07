"""Placing at the same time: no stock is sold twice."""

from functools import partial

import pytest

from order_factory.models.database.engine import begin
from order_factory.models.tables import StockItem
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.working_set.claims import claim_pending
from tests.support.at_once import run_together
from tests.support.copying import authorize, copy_batch, make_batch, read_results, request_copy
from tests.support.paying import make_payable_order


def test_thirty_two_orders_compete_for_ten_pieces(shop):
    mug = shop.sku("MUG", stock=4)
    shop.add(StockItem, sku_id=mug, stock_location="attic", quantity=6)
    shop.sku("CAP", stock=10)
    # Half of them name the two SKUs the other way round, which must not lock them up.
    pairs = [[("MUG", 1, 0), ("CAP", 1, 0)], [("CAP", 1, 0), ("MUG", 1, 0)]]
    sources = [shop.order(lines=lines) for lines in pairs]
    factories = [request_copy(sources[nth % 2], place_target_order=True) for nth in range(32)]
    batches = [make_batch([factory]) for factory in factories]

    run_together(*[partial(copy_batch, batch) for batch in batches])

    ended = read_results(factories)
    assert sorted(result.status for result in ended) == ["completed"] * 10 + ["failed"] * 22
    refused = [result.errors_log for result in ended if result.errors_log]
    assert {tuple(log["line_items"]) for log in refused} == {
        ("SKU CAP: 1 wanted, 0 in stock", "SKU MUG: 1 wanted, 0 in stock")
    }
    assert [place.quantity for place in shop.rows(StockItem)] == [0, 0, 0]


def test_thirty_two_paying_orders_compete_for_ten_pieces(shop, ledger):
    shop.sku("MUG", stock=10)
    sources = [make_payable_order(shop, lines=[("MUG", 1, 12_50)]) for _ in range(32)]
    factories = [request_copy(source, place_target_order=True) for source in sources]
    batches = [make_batch([factory]) for factory in factories]

    def copy_and_pay(batch):
        copy_batch(batch)
        authorize(batch)

    run_together(*[partial(copy_and_pay, batch) for batch in batches])

    ended = read_results(factories)
    assert sorted(result.status for result in ended) == ["completed"] * 10 + ["failed"] * 22
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (0, 0)
    assert ledger.charges() == [("authorize", 12_50)] * 10


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_batches_that_want_different_skus_do_not_wait_for_each_other(shop):
    mug, cap = (shop.order(lines=[(sku, 1, 0)]) for sku in ("MUG", "CAP"))
    first, second = (
        make_batch([request_copy(order, place_target_order=True)]) for order in (mug, cap)
    )

    with begin() as db:
        copy_claimed(db, claim_pending(db, first, limit=1), None)
        assert copy_batch(second) == []

    assert [place.quantity for place in shop.rows(StockItem)] == [999, 999]
