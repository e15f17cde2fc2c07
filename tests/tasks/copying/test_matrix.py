"""Some 240 orders with one or two things wrong, under each mix of options, on both databases.

What must come of them is worked out by `oracle.py`, which shares nothing with the code.
"""

from collections import Counter, defaultdict
from typing import Any

import pytest
from sqlalchemy import select

from order_factory.models.database.engine import begin
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.results.verification import Verification
from order_factory.models.tables import Coupon, LineItem, Order, OrderFactory, Promotion
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.selections.finding import make_recorder
from order_factory.tasks.verify import verify
from order_factory.tasks.working_set.claims import claim_pending
from order_factory.tasks.working_set.statements import table_of
from tests.simulations.matrix.filling import fill
from tests.simulations.matrix.oracle import Options, Outcome, predict
from tests.simulations.matrix.spec import COUPONS, sources

pytestmark = pytest.mark.slow

MIXES = [
    Options(),
    Options(skip_errors=True),
    Options(ignore_invalid_coupon=True),
    Options(apply_promotions=True),
    Options(refresh_prices=True),
    Options(apply_promotions=True, refresh_prices=True),
    Options(ignore_invalid_coupon=True, apply_promotions=True),
    Options(skip_errors=True, apply_promotions=True, refresh_prices=True),
    Options(skip_errors=True, stock=StockPolicy.IGNORE),
    Options(skip_errors=True, ignore_invalid_coupon=True, refresh_prices=True),
]
AMOUNTS = [column.key for column in Order.__table__.c if column.key.endswith("amount_cents")]
AMOUNTS.append("total_amount_with_taxes_cents")


class TakenBack(Exception):
    """Rolls a transaction back after its outcome was read."""


def copy_numbers(
    numbers: list[str], options: Options
) -> tuple[list[Outcome], Counter[Any], Verification]:
    """How the copies end, what was used, and what `verify` says; nothing of it is kept."""
    record = make_recorder("matrix", CopyOptions(**vars(options)), orders=numbers)
    try:
        with begin() as db:
            batch_id = record(db)
            assert copy_claimed(db, claim_pending(db, batch_id, 10_000), None).stuck == []
            outcome = _outcomes(db), _count_uses(db), verify(db)
            raise TakenBack
    except TakenBack:
        return outcome


def _outcomes(db: Any) -> list[Outcome]:
    lines = defaultdict(list)
    for line in db.execute(select(LineItem.__table__).order_by(LineItem.id)):
        values = (line.unit_amount_cents, line.total_amount_cents, line.discount_cents)
        message = (line.item_type, line.sku_code, *values, line.tax_amount_cents)
        lines[line.order_id].append(message)
    rows = db.execute(
        select(OrderFactory.status, OrderFactory.errors_log, table_of(Order))
        .outerjoin(Order, Order.id == OrderFactory.target_order_id)
        .order_by(OrderFactory.id)
    )
    return [_outcome(row._mapping, lines) for row in rows]


def _outcome(row: Any, lines: Any) -> Outcome:
    factory, order = OrderFactory.__table__.c, Order.__table__.c
    errors = row[factory.errors_log] or {}
    if row[order.id] is None:
        return Outcome(row[factory.status], errors)
    target = {name: row[order[name]] for name in ("status", "coupon_code", "metadata", *AMOUNTS)}
    target["lines"] = lines[row[order.id]]
    return Outcome(row[factory.status], errors, target)


def _count_uses(db: Any) -> Counter[Any]:
    before = Counter({("coupon", coupon.code): coupon.usage_count for coupon in COUPONS})
    coupons = db.execute(select(Coupon.code, Coupon.usage_count))
    promotions = db.execute(select(Promotion.name, Promotion.total_usage_count))
    used = Counter({("coupon", code): count for code, count in coupons})
    used |= Counter({("promotion", name): count for name, count in promotions})
    return used - before


def test_every_order_has_the_expected_outcome(shop):
    matrix = sources()
    with begin() as db:
        fill(db, matrix)
    numbers = [source.number for source in matrix]

    ended = {str(options): copy_numbers(numbers, options) for options in MIXES}

    for options in MIXES:
        outcomes, used, verification = ended[str(options)]
        must, must_use = predict(matrix, options)
        wrong = [
            (source, outcome, must_end)
            for source, outcome, must_end in zip(matrix, outcomes, must, strict=True)
            if outcome != must_end
        ]
        assert not wrong, (options, wrong[0])
        assert used == must_use, options
        assert [each for each in verification.invariants if each.violations] == [], options
