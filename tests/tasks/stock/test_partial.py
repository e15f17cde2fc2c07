"""Stock: with `stock = partial` a copy has as many pieces as are left."""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

import pytest

from order_factory.models.database.engine import reading
from order_factory.models.tables import (
    CopyError,
    LineItem,
    LineItemOption,
    Order,
    OrderFactory,
    StockItem,
    StockReservation,
)
from order_factory.tasks.reports.differences import read_differences
from tests.support.copying import change, copy, copy_one, factory_of, request_copy, run, target_of
from tests.support.verifying import find_violations


@pytest.fixture(autouse=True)
def _verify_afterwards(shop):
    yield
    assert find_violations() == []


def make_reduced_message(sku, ordered, copied):
    return f"SKU {sku}: {ordered} wanted, {copied} copied"


def make_short_message(sku, ordered, left):
    return f"SKU {sku}: {ordered} wanted, {left} in stock"


def quantities(shop, result):
    """The lines of the target: SKU and quantity, in their order."""
    return [(row.sku_code, row.quantity) for row in shop.rows(LineItem, order_id=target_of(result))]


def split(cents, part, whole):
    """The part of an amount, half a cent away from zero, calculated in another way than the code."""
    return int((Decimal(cents) * part / whole).quantize(Decimal(1), ROUND_HALF_UP))


@pytest.mark.parametrize("place", [False, True])
def test_the_remaining_pieces_are_copied_and_named(shop, place):
    sku = shop.sku("MUG", stock=3)
    source = shop.order(lines=[("MUG", 5, 2_00), ("CAP", 1, 7_00)], total_amount_cents=17_00)
    pay(shop, source)

    result = copy_one(source, stock="partial", place_target_order=place)

    order = shop.row(Order, id=target_of(result))
    assert (result.status, result.errors_log) == (
        "completed",
        {"line_items": [make_reduced_message("MUG", 5, 3)]},
    )
    assert quantities(shop, result) == [("MUG", 3), ("CAP", 1)]
    assert (order.status, order.subtotal_amount_cents, order.total_amount_cents) == (
        "placed" if place else "pending",
        13_00,
        13_00,
    )
    assert shop.row(StockItem, sku_id=sku).quantity == (0 if place else 3)
    assert [row.code for row in shop.rows(CopyError)] == ["quantity_reduced"]


def pay(shop, *orders):
    """Let the customer's saved card pay for these orders."""
    for order in orders:
        customer = shop.row(Order, id=order).customer_id
        shop.change_order(order, payment_source_id=shop.payment_source(wallet_of=customer))


@pytest.mark.parametrize("place", [False, True])
def test_two_orders_of_a_batch_share_the_remaining_pieces(shop, place):
    sku = shop.sku("MUG", stock=7)
    sources = [shop.order(lines=[("MUG", 5, 2_00), ("CAP", 1, 7_00)]) for _ in range(3)]
    pay(shop, *sources)

    results = copy(*sources, stock="partial", place_target_order=place)

    assert [quantities(shop, result) for result in results] == [
        [("MUG", 5), ("CAP", 1)],
        [("MUG", 2), ("CAP", 1)],
        [("CAP", 1)],
    ]
    assert [result.errors_log for result in results] == [
        None,
        {"line_items": [make_reduced_message("MUG", 5, 2)]},
        {"line_items": [make_short_message("MUG", 5, 0)]},
    ]
    assert [shop.row(Order, id=target_of(each)).total_amount_cents for each in results] == [
        17_00,
        11_00,
        7_00,
    ]
    assert shop.row(StockItem, sku_id=sku).quantity == (0 if place else 7)
    reserved = [row.quantity for row in shop.rows(StockReservation) if row.stock_item_id == sku]
    assert sum(reserved) == (7 if place else 0)


def test_earlier_lines_of_a_sku_come_first(shop):
    shop.sku("MUG", stock=4)
    source = shop.order(lines=[("MUG", 3, 2_00), ("MUG", 2, 2_00), ("MUG", 1, 2_00)])

    result = copy_one(source, stock="partial")

    assert quantities(shop, result) == [("MUG", 3), ("MUG", 1)]
    assert result.errors_log == {"line_items": [make_reduced_message("MUG", 6, 4)]}


def test_an_order_without_any_remaining_line_fails(shop):
    shop.sku("MUG", stock=0)
    source = shop.order(lines=[("MUG", 5, 2_00)])

    result = copy_one(source, stock="partial")

    assert result.status == "failed"
    assert result.errors_log == {
        "line_items": [make_short_message("MUG", 5, 0), "no line item is left to copy"]
    }
    assert len(shop.rows(Order)) == 1


def test_an_order_that_fails_for_another_reason_takes_no_stock(shop):
    shop.sku("MUG", stock=3)
    barred = shop.order(lines=[("MUG", 2, 1_00)], customer_id=shop.customer(status="blocked"))
    valid = shop.order(lines=[("MUG", 5, 1_00)])

    results = copy(barred, valid, stock="partial")

    assert [result.status for result in results] == ["failed", "completed"]
    assert quantities(shop, results[1]) == [("MUG", 3)]


def test_a_bundle_is_copied_as_a_whole_or_left_out(shop):
    shop.sku("MUG", stock=3)
    shop.bundle("KIT", {"MUG": 2})
    source = shop.order(lines=[("CAP", 1, 7_00)])
    shop.line(source, item_type="bundles", bundle_code="KIT", quantity=2, unit_amount_cents=5_00)

    result = copy_one(source, stock="partial")

    assert result.status == "completed"
    assert quantities(shop, result) == [("CAP", 1)]
    assert result.errors_log == {"line_items": ["bundle KIT: SKU MUG: 4 wanted, 3 in stock"]}


@pytest.mark.parametrize("tax_included", [False, True])
@pytest.mark.parametrize("left", [1, 2, 4, 6])
def test_all_amounts_are_split_to_the_cent(shop, tax_included, left):
    shop.sku("MUG", stock=left)
    source = shop.order(lines=[], tax_included=tax_included, tax_rate=0.22)
    extras = [1_01, 2_02, 33]
    mug = shop.line(
        source,
        sku_code="MUG",
        quantity=7,
        unit_amount_cents=9_99,
        options_amount_cents=sum(extras),
        total_amount_cents=7 * 9_99 + sum(extras),
        discount_cents=-5_05,
        tax_amount_cents=12_34,
        tax_breakdown={"22%": 12_34},
    )
    for cents in extras:
        shop.option(mug, total_amount_cents=cents, unit_amount_cents=cents)
    shop.sku("CAP")
    shop.line(source, sku_code="CAP", quantity=1, unit_amount_cents=20_00)
    for kind, cents in (
        ("fixed_amount_promotions", -5_05),
        ("free_shipping_promotions", -3_00),
        ("shipments", 3_00),
    ):
        shop.line(source, item_type=kind, unit_amount_cents=cents, name=kind)

    result = copy_one(source, stock="partial")

    lines = shop.rows(LineItem, order_id=target_of(result))
    has = {row.sku_code or row.item_type: row for row in lines}
    line = has["MUG"]
    options = shop.rows(LineItemOption, line_item_id=line.id)
    total = left * 9_99 + split(sum(extras), left, 7)
    assert (line.quantity, line.unit_amount_cents, line.total_amount_cents) == (left, 9_99, total)
    assert line.options_amount_cents == sum(row.total_amount_cents for row in options)
    assert line.options_amount_cents == split(sum(extras), left, 7)
    assert line.discount_cents == split(-5_05, left, 7)
    assert line.tax_amount_cents == split(12_34, left, 7)
    assert line.tax_breakdown is None
    off = split(-5_05, total + 20_00, 7 * 9_99 + sum(extras) + 20_00)
    assert has["fixed_amount_promotions"].total_amount_cents == off
    assert has["free_shipping_promotions"].total_amount_cents == -3_00
    order = shop.row(Order, id=target_of(result))
    assert order.discount_amount_cents == off - 3_00
    assert order.total_amount_cents == total + 20_00 + off
    assert order.total_tax_amount_cents == split(12_34, left, 7)
    taxes = 0 if tax_included else order.total_tax_amount_cents
    assert order.total_amount_with_taxes_cents == order.total_amount_cents + taxes


def test_todays_prices_and_promotions_apply_to_the_copied_pieces(shop):
    shop.sku("MUG", stock=3)
    shop.price("MUG", 11_00)
    shop.promotion(type="percentage_discount_promotions", percentage=10)
    source = shop.order(lines=[("MUG", 5, 10_00)])

    result = copy_one(source, stock="partial", refresh_prices=True, apply_promotions=True)

    order = shop.row(Order, id=target_of(result))
    assert result.errors_log == {"line_items": [make_reduced_message("MUG", 5, 3)]}
    assert (order.subtotal_amount_cents, order.discount_amount_cents) == (33_00, -3_30)
    assert order.total_amount_cents == 29_70


def test_a_batch_gives_the_same_result_as_one_order_after_the_other(shop):
    """Against a small model: every order takes what the ones before it leave."""
    stock = {"A": 7, "B": 0, "C": 4}
    skus = {code: shop.sku(code, stock=pieces) for code, pieces in stock.items()}
    wishes = [
        ([("A", 2), ("C", 1)], "partial", False),
        ([("A", 4), ("B", 1), ("A", 3)], "partial", False),
        ([("C", 4)], "take", False),
        ([("C", 2), ("U", 1)], "partial", True),
        ([("C", 9), ("A", 1), ("U", 2)], "partial", False),
        ([("C", 1)], "partial", False),
    ]
    shop.sku("U", stock=None, do_not_track=True)
    sources = [shop.order(lines=[(*line, 0) for line in wish[0]]) for wish in wishes]
    expected: list[list[tuple[str, int]] | None] = []
    left = Counter(stock)
    for lines, policy, _ in wishes:
        expected_lines: list[tuple[str, int]] = []
        used: Counter[str] = Counter()
        wants: Counter[str] = Counter()
        for sku, quantity in lines:
            wants[sku] += quantity
        if policy == "take" and any(wants[sku] > left[sku] for sku in wants if sku != "U"):
            expected.append(None)
            continue
        for sku, quantity in lines:
            pieces = quantity if sku == "U" else min(quantity, left[sku] - used[sku])
            if pieces > 0:
                expected_lines.append((sku, pieces))
                used[sku] += pieces
        left.subtract({sku: pieces for sku, pieces in used.items() if sku != "U"})
        expected.append(expected_lines or None)

    factories = [
        request_copy(source, stock=policy, skip_errors=skips, place_target_order=True)
        for source, (_, policy, skips) in zip(sources, wishes, strict=True)
    ]
    results = run(*factories)

    copied = [quantities(shop, each) if each.target_order else None for each in results]
    assert copied == expected
    shelf = {code: shop.row(StockItem, sku_id=key).quantity for code, key in skus.items()}
    assert shelf == {code: left[code] for code in stock}


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (LineItem, "quantity"),
        (LineItem, "total_amount_cents"),
        (LineItem, "tax_amount_cents"),
        (LineItem, "discount_cents"),
        (LineItem, "options_amount_cents"),
        (LineItemOption, "total_amount_cents"),
    ],
)
def test_verify_finds_an_amount_that_is_not_proportional(shop, table, column):
    shop.sku("MUG", stock=3)
    source = shop.order(lines=[])
    mug = shop.line(
        source,
        sku_code="MUG",
        quantity=5,
        unit_amount_cents=9_99,
        options_amount_cents=50,
        total_amount_cents=5 * 9_99 + 50,
        discount_cents=-1_00,
        tax_amount_cents=5_00,
    )
    shop.option(mug, total_amount_cents=50)
    line = shop.row(LineItem, order_id=target_of(copy_one(source, stock="partial")))
    row = line if table is LineItem else shop.row(LineItemOption, line_item_id=line.id)

    change(table, row.id, **{column: row._mapping[column] + 2, "updated_at": row.updated_at})
    violations = find_violations()
    change(table, row.id, **{column: row._mapping[column], "updated_at": row.updated_at})

    assert ("line-columns" if table is LineItem else "option-columns") in violations


def test_verify_finds_a_discount_that_was_not_split(shop):
    shop.sku("MUG", stock=3)
    source = shop.order(lines=[("MUG", 5, 10_00)])
    shop.line(source, item_type="fixed_amount_promotions", unit_amount_cents=-5_00)
    target = target_of(copy_one(source, stock="partial"))
    row = shop.row(LineItem, order_id=target, item_type="fixed_amount_promotions")

    change(LineItem, row.id, total_amount_cents=-5_00, updated_at=row.updated_at)
    violations = find_violations()
    change(LineItem, row.id, total_amount_cents=-3_00, updated_at=row.updated_at)

    assert row.total_amount_cents == -3_00
    assert "line-columns" in violations


def test_the_differences_say_what_was_reduced_and_why(shop):
    shop.sku("MUG", stock=3)
    source = shop.order(lines=[("MUG", 5, 2_00)])
    key = factory_of(copy_one(source, stock="partial"))

    with reading() as db:
        differences = read_differences(db, OrderFactory.id == key)[key]

    changed = {(each.what, each.before, each.after, each.reason) for each in differences}
    reason = make_reduced_message("MUG", 5, 3)
    assert ("MUG: quantity", 5, 3, reason) in changed
    assert ("total_amount_cents", 10_00, 6_00, "stock = partial") in changed
