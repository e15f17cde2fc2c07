"""Discounts are divide to the cent by the largest remainder, and never below zero."""

from collections import defaultdict
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from order_factory.models.database.engine import begin
from order_factory.models.tables import Promotion
from order_factory.models.tables.promotions import PromotionType
from order_factory.tasks.promotions.discounts import compute_shares
from order_factory.tasks.promotions.tables import (
    discountable,
    granted,
    open_promotion_tables,
    shares,
)
from tests.simulations.matrix import spec
from tests.simulations.matrix.oracle import divide

MOST = 10**12
percentages = st.integers(min_value=1, max_value=100).map(
    lambda percentage: spec.Promotion("any", percentage=percentage)
)
fixed_amounts = st.integers(min_value=1, max_value=MOST).map(
    lambda cents: spec.Promotion(
        "any", PromotionType.FIXED_AMOUNT.value, fixed_amount_cents=cents, currency_code="EUR"
    )
)
amounts = st.lists(st.integers(min_value=1, max_value=MOST), min_size=1, max_size=6)
promotions = st.lists(st.one_of(percentages, fixed_amounts), min_size=1, max_size=3)


def shares_of(orders: Any) -> Any:
    """What each order's promotions take off its lines, one dict of cents per promotion."""
    by_order: Any = defaultdict(dict)
    with begin() as db:
        open_promotion_tables(db)
        for order, (totals, given_promotions) in enumerate(orders, 1):
            lines = [
                {
                    "factory_id": order,
                    "line_item_id": 100 * order + nth,
                    "shipping": False,
                    "total_cents": cents,
                    "left_cents": cents,
                }
                for nth, cents in enumerate(totals)
            ]
            db.execute(insert(discountable), lines)
            for nth, promotion in enumerate(given_promotions, 1):
                values: dict[str, Any] = {**vars(promotion), "sku_list_id": None}
                del values["sku_list"]
                made = insert(Promotion).values(values).returning(Promotion.id)
                key = db.execute(made).scalar_one()
                grant = {"factory_id": order, "nth": nth, "promotion_id": key}
                db.execute(insert(granted).values(grant))
        compute_shares(db)
        for row in db.execute(select(shares)):
            by_order[row.factory_id, row.nth][row.line_item_id % 100] = row.cents
        db.rollback()
    return dict(by_order)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(orders=st.lists(st.tuples(amounts, promotions), min_size=3, max_size=6))
def test_every_share_is_the_exact_one_to_the_cent(shop, orders):
    shares = shares_of(orders)

    expected = {}
    for order, (totals, given_promotions) in enumerate(orders, 1):
        left = dict(enumerate(totals))
        for nth, promotion in enumerate(given_promotions, 1):
            parts = divide(promotion, {line: cents for line, cents in left.items() if cents})
            left = {line: cents - parts.get(line, 0) for line, cents in left.items()}
            if any(parts.values()):
                expected[order, nth] = {line: cents for line, cents in parts.items() if cents}
        assert min(left.values()) >= 0
    assert shares == expected
