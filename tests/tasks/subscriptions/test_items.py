"""Items: the amounts of options and discounts when a source order is converted and changed."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, cast, literal, select

from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import LineItem, Order, OrderFactory, OrderSubscriptionItem
from order_factory.tasks.subscriptions.items import convert_to_automatic, sum_options_cents
from order_factory.tasks.subscriptions.templates import rebuild_template
from order_factory.tasks.working_set.taxes import split_cents
from tests.simulations.changed_copies import part_of
from tests.support.copying import change, copy_batch, make_batch, request_copy
from tests.support.paying import make_payable_order
from tests.support.subscriptions import (
    START,
    make_placeable_order,
    read_subscription,
    run_due,
    subscribe,
)

_BIG = st.integers(1, 10**9)
PERCENTAGE, FIXED = "percentage_discount_promotions", "fixed_amount_promotions"


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(_BIG, _BIG, st.integers(-(10**12), 10**12)), min_size=50, max_size=50))
def test_a_share_is_rounded_half_up(shop, cases):
    parts = [(min(part, whole), whole, cents) for part, whole, cents in cases]
    shares = [
        (split_cents(literal(cents), literal(part), literal(whole)).label(f"share_{nth}"))
        for nth, (part, whole, cents) in enumerate([*parts, *((w, w, c) for _, w, c in parts)])
    ]

    with reading() as db:
        row = db.execute(select(*(cast(share, BigInteger) for share in shares))).one()

    for (part, whole, cents), share, all_of_it in zip(parts, row[:50], row[50:], strict=True):
        assert abs(share * whole - cents * part) * 2 <= whole
        assert (abs(share) <= abs(cents), share * cents >= 0) == (True, True)
        assert all_of_it == cents


def template_totals(shop, key):
    template = read_subscription(shop, key).template_order_id
    lines = shop.rows(LineItem, order_id=template)
    return [(row.item_type, row.quantity, row.total_amount_cents) for row in lines]


def set_quantity(shop, key, quantity, sku="MUG"):
    (item,) = shop.rows(OrderSubscriptionItem, sku_code=sku)
    with begin() as db:
        extras = sum_options_cents(db, item.source_line_item_id)
    total = quantity * item.unit_amount_cents + extras
    change(OrderSubscriptionItem, item.id, quantity=quantity, total_amount_cents=total)
    with begin() as db:
        rebuild_template(db, key, START)


@pytest.mark.parametrize(
    ("kind", "quantity", "discount"),
    [
        (PERCENTAGE, 2, -2_80),  # 10 percent of 28.00
        (PERCENTAGE, 5, -6_55),  # of 65.50
        (PERCENTAGE, 1, -1_55),
        (FIXED, 2, -2_80),
        (FIXED, 1, -1_40),  # half of the pieces
        (FIXED, 5, -2_80),  # more pieces, and no more
    ],
)
def test_options_and_discounts_follow_a_changed_quantity(shop, kind, quantity, discount):
    order = make_placeable_order(shop, lines=[("MUG", 2, 12_50)])
    (mug,) = shop.rows(LineItem, order_id=order)
    change(LineItem, mug.id, total_amount_cents=28_00)
    shop.option(mug.id, total_amount_cents=3_00)
    shop.line(order, item_type=kind, unit_amount_cents=-2_80)
    shop.line(order, item_type=kind, unit_amount_cents=-1_00, coupon_code="WELCOME")
    key = subscribe(shop, order)
    with begin() as db:
        convert_to_automatic(db, key, START)

    set_quantity(shop, key, quantity)

    total = quantity * 12_50 + 3_00
    assert template_totals(shop, key) == [("skus", quantity, total), (kind, 1, discount)]
    template = shop.row(Order, id=read_subscription(shop, key).template_order_id)
    assert template.total_amount_cents == total + discount


@pytest.mark.parametrize("tax_included", [True, False])
@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD"])
def test_ten_copies_of_a_changed_order_cost_the_same_to_the_cent(
    shop, ledger, currency, tax_included
):
    """Options, both kinds of discounts, and another quantity; against the rules in plain Python."""
    chance = random.Random(f"{currency} {tax_included}")
    order = make_payable_order(
        shop,
        lines=[(sku, chance.randint(2, 9), chance.randint(1, 99_99)) for sku in ("MUG", "CAP")],
        currency_code=currency,
        tax_included=tax_included,
        tax_rate=0.22,
    )
    goods = []
    for line in shop.rows(LineItem, order_id=order):
        extra = chance.randint(0, 9_99)
        total = line.total_amount_cents + extra
        change(LineItem, line.id, total_amount_cents=total, tax_amount_cents=total * 22 // 100)
        shop.option(line.id, total_amount_cents=extra)
        goods.append((line.quantity, line.unit_amount_cents, extra, total, total * 22 // 100))
    off = {PERCENTAGE: -chance.randint(1, 50), FIXED: -chance.randint(1, 50)}
    for kind, cents in off.items():
        shop.line(order, item_type=kind, unit_amount_cents=cents)
    key = subscribe(shop, order)
    with begin() as db:
        convert_to_automatic(db, key, START)
    (mug, unit, extra, had, tax), cap = goods
    quantity = mug + chance.choice([-1, 1])
    set_quantity(shop, key, quantity, "MUG")

    run_due(read_subscription(shop, key).next_run_at)
    source = shop.row(OrderFactory).target_order_id
    both = [amounts(shop, read_subscription(shop, key).template_order_id), amounts(shop, source)]
    for _ in range(9):
        factory = request_copy(source)
        copy_batch(make_batch([factory]))
        copy = shop.row(OrderFactory, id=factory)
        assert copy.status == "completed", copy.errors_log
        source = copy.target_order_id
        both.append(amounts(shop, source))

    now = quantity * unit + extra + cap[3]
    old_share = had * min(mug, quantity) // mug + cap[3]
    whole = had + cap[3]
    discount = _part(off[PERCENTAGE], now, whole) + _part(off[FIXED], old_share, whole)
    taxes = _part(tax, quantity * unit + extra, had) + cap[4]
    total = now + discount
    expected = (now, discount, taxes, total, total if tax_included else total + taxes)
    assert set(both) == {expected}
    assert ledger.charges() == [("authorize", expected[-1])]


def _part(cents: int, part: int, whole: int) -> int:
    share = part_of(cents, part, whole)
    assert share is not None
    return share


def amounts(shop, order):
    row = shop.row(Order, id=order)
    return (
        row.subtotal_amount_cents,
        row.discount_amount_cents,
        row.total_tax_amount_cents,
        row.total_amount_cents,
        row.total_amount_with_taxes_cents,
    )
