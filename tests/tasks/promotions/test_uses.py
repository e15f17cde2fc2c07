"""Limits of uses hold for simultaneous runs, and a rollback leaves no uses."""

from functools import partial

import pytest

from order_factory.models.database.engine import begin
from order_factory.models.tables import Coupon, Order, Promotion
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.working_set.claims import claim_pending
from tests.support.at_once import run_together
from tests.support.copying import (
    copy_batch,
    make_batch,
    read_database,
    read_results,
    request_copy,
    target_of,
)


def test_concurrent_runs_do_not_exceed_the_limit_of_a_coupon(shop):
    shop.coupon("SPRING", usage_limit=5)
    sources = [shop.order(coupon_code="SPRING") for _ in range(8)]
    factories = [request_copy(source) for source in sources]

    run_together(*[partial(copy_batch, make_batch([factory])) for factory in factories])

    ended = read_results(factories)
    assert sorted(result.status for result in ended) == ["completed"] * 5 + ["failed"] * 3
    assert shop.row(Coupon).usage_count == 5


def test_concurrent_runs_do_not_exceed_the_limit_of_a_promotion(shop):
    shop.promotion(total_usage_limit=5)
    shop.promotion(percentage=1)
    sources = [shop.order(lines=[("MUG", 1, 10_00)]) for _ in range(8)]
    factories = [request_copy(source, apply_promotions=True) for source in sources]

    run_together(*[partial(copy_batch, make_batch([factory])) for factory in factories])

    totals = [
        shop.row(Order, id=target_of(each)).total_amount_cents for each in read_results(factories)
    ]
    assert sorted(totals) == [8_91] * 5 + [9_90] * 3
    assert [each.total_usage_count for each in shop.rows(Promotion)] == [5, 8]


def test_a_customer_does_not_use_a_coupon_twice_at_the_same_time(shop):
    shop.coupon("SPRING", customer_single_use=True)
    customer = shop.customer()
    cart = {"status": "pending", "customer_id": customer, "coupon_code": "SPRING"}
    factories = [request_copy(shop.order(**cart)) for _ in range(4)]

    run_together(*[partial(copy_batch, make_batch([factory])) for factory in factories])

    assert (
        sorted(result.status for result in read_results(factories))
        == ["completed"] + ["failed"] * 3
    )


def test_a_rollback_counts_no_uses(shop):
    shop.coupon("SPRING", usage_limit=1)
    shop.promotion(total_usage_limit=1)
    shop.price("MUG", 10_00)
    options = {"apply_promotions": True, "refresh_prices": True}
    batch = make_batch([request_copy(shop.order(coupon_code="SPRING"), **options)])
    before = read_database()

    def interrupt():
        with begin() as db:
            copy_claimed(db, claim_pending(db, batch, limit=10), None)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()

    assert read_database() == before
