"""Copies that are merged into an open order."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from order_factory.models.database.engine import begin, reading
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import LineItem, LineItemOption, Order, OrderFactory
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.factories.records import create_factory
from order_factory.tasks.reports.differences import read_differences
from tests.support.copying import (
    copy_batch,
    copy_one,
    make_batch,
    read_results,
    record_statements,
    request_copy,
    run,
)

pytestmark = pytest.mark.usefixtures("verified")

GOODS = ("skus", "bundles")
PRICES = {"A": 11_11, "B": 5}


def _open(shop: Any, customer: int, **values: Any) -> Any:
    """A pending order with a line and a discount of its own."""
    made = {"status": "pending", "payment_status": "unpaid", "placed_at": None}
    return shop.order(customer_id=customer, lines=[("OWN", 1, 50_00)], **(made | values))


def _lines(shop: Any, order: int) -> list[tuple[Any, ...]]:
    names = ("item_type", "sku_code", "quantity", "unit_amount_cents", "total_amount_cents")
    return [
        tuple(row._mapping[name] for name in names) for row in shop.rows(LineItem, order_id=order)
    ]


line = st.tuples(
    st.sampled_from(["A", "A", "B", "C"]), st.integers(1, 3), st.integers(0, 20_00), st.booleans()
)
source = st.tuples(
    st.lists(line, min_size=1, max_size=3),  # goods, some with an option that costs 1.00
    st.sampled_from([0, 0, 5_00]),  # shipping
    st.sampled_from([0, 0, -3]),  # a frozen discount
    st.sampled_from([0, 0, 1]),  # paid by a gift card
    st.sampled_from(["ada", "ada", "ada", "bob"]),
    st.sampled_from([0, 0, 1]),  # the open order that it is merged into
    st.dictionaries(st.sampled_from("AAB"), st.integers(0, 4), max_size=1),
    st.dictionaries(st.sampled_from("ABZ"), st.integers(1, 2), max_size=1),
    st.booleans(),  # refresh_prices
)


def _predict(case: Any) -> list[tuple[Any, ...]] | set[str]:
    """The lines that are added to the open order, or the keys of the errors log."""
    goods, _, _, _, customer, _, quantities, added, refreshed = case
    wrong = {"merge_into"} if customer == "bob" else set()
    for code, quantity in quantities.items():
        if quantity and sum(each[0] == code for each in goods) != 1:
            wrong.add("quantities")
    expected_lines: list[Any] = []
    changed: list[Any] = []
    for code, had, unit, with_option in goods:
        quantity = quantities.get(code, had)
        if quantity == 0:
            continue
        if refreshed and code not in PRICES:
            wrong.add("line_items")
        price = PRICES.get(code, 0) if refreshed else unit
        total = price * quantity + (1_00 if with_option else 0)
        made = expected_lines if quantity == had else changed
        made.append(("skus", code, quantity, price, total))
    new = []
    for code, quantity in sorted(added.items()):
        if code not in PRICES:
            wrong.add("add_lines")
            continue
        new.append(("skus", code, quantity, PRICES[code], PRICES[code] * quantity))
    if not (expected_lines or changed or new):
        wrong.add("line_items")
    return wrong or [*expected_lines, *changed, *new]


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(cases=st.lists(source, min_size=12, max_size=12))
def test_open_orders_get_the_goods_that_the_model_says(shop, cases):
    for code in (code for code in "ABC" if not shop.rows(Order)):
        shop.sku(code)
        if code in PRICES:
            shop.price(code, PRICES[code])
    customers = {name: shop.customer() for name in ("ada", "bob")}
    opened = [_open(shop, customers["ada"]) for _ in range(2)]
    shop.line(opened[0], item_type="fixed_amount_promotions", unit_amount_cents=-10)
    factories = []
    for goods, shipping, discount, paid, customer, into, quantities, added, refreshed in cases:
        order = shop.order(lines=[], customer_id=customers[customer], coupon_code="GONE")
        for code, quantity, unit, with_option in goods:
            total = unit * quantity + (1_00 if with_option else 0)
            amounts = {"quantity": quantity, "unit_amount_cents": unit, "total_amount_cents": total}
            key = shop.line(order, sku_code=code, **amounts)
            if with_option:
                shop.option(key, total_amount_cents=1_00)
        if shipping:
            shop.line(order, item_type="shipments", unit_amount_cents=shipping)
        if discount:
            shop.line(order, item_type="fixed_amount_promotions", unit_amount_cents=discount)
        if paid:
            shop.redeem(order, None, paid)
        options = CopyOptions(
            merge_into=public_id(Resource.orders, opened[into]),
            quantities=quantities or None,
            add_lines=added or None,
            refresh_prices=refreshed,
        )
        with begin() as db:
            factories.append(create_factory(db, order, options, None))
    orders = len(shop.rows(Order))
    before = [_lines(shop, key) for key in opened]

    ended = run(*factories)

    more: list[list[Any]] = [[], []]
    for case, result in zip(cases, ended, strict=True):
        expected = _predict(case)
        if isinstance(expected, set):
            assert set(result.errors_log or ()) == expected, (result.errors_log, case)
            assert (result.status, result.target_order) == ("failed", None)
            continue
        assert (result.status, result.errors_log) == ("completed", None), case
        assert result.target_order.number == shop.number_of(opened[case[5]])
        more[case[5]] += expected
    assert len(shop.rows(Order)) == orders
    for key, had, new in zip(opened, before, more, strict=True):
        lines = _lines(shop, key)
        assert sorted(lines, key=repr) == sorted([*had, *new], key=repr)
        order = shop.row(Order, id=key)
        assert order.total_amount_cents == sum(each[-1] for each in lines)
        assert order.coupon_code is None
    made = [row for row in shop.rows(OrderFactory) if row.merged_order_id is not None]
    assert {row.target_order_id for row in made} <= {None}


def test_an_order_that_is_not_open_or_is_another_ones_is_left_as_it_is(shop):
    ada = shop.customer()
    source = shop.order(customer_id=ada, market_name="Europe")
    shop.price("MUG", 14_00, "USD")
    opened = _open(shop, ada, market_name="Europe")
    orders = {
        "placed": shop.order(customer_id=ada, market_name="Europe"),
        "placing": _open(shop, ada, market_name="Europe", status="placing"),
        "customer": _open(shop, shop.customer(), market_name="Europe"),
        "market": _open(shop, ada, market_name="America"),
        "currency": _open(shop, ada, market_name="Europe", currency_code="USD"),
        "itself": source,
    }
    numbers = {name: shop.number_of(key) for name, key in orders.items()}
    before = {name: _lines(shop, key) for name, key in orders.items()}

    reasons = {
        name: copy_one(source, merge_into=number, skip_errors=True).errors_log
        for name, number in (numbers | {"unknown": "404"}).items()
    }
    options = copy_one(
        source,
        merge_into=shop.number_of(opened),
        place_target_order=True,
        target_notes="Ring twice",
        stock="partial",
    )
    changed = copy_one(
        source,
        merge_into=numbers["currency"],
        target_currency="USD",
        refresh_prices=True,
    )
    first = copy_one(source, merge_into=shop.number_of(opened))
    again = copy_one(source, merge_into=shop.number_of(opened))

    into = "the order to merge into"
    assert {name: log and log["merge_into"][0] for name, log in reasons.items()} == {
        "placed": f"{into} is placed, and must be draft or pending",
        "placing": f"{into} is placing, and must be draft or pending",
        "customer": f"{into} is another customer's; set target_customer to theirs",
        "market": f"{into} has another market; set target_market to it",
        "currency": f"{into} is in USD, and the copy in EUR; set target_currency",
        "itself": f"{into} is placed, and must be draft or pending",
        "unknown": "the shop has no such order; give the number or the id of one",
    }
    assert options.errors_log == {
        "merge_into": [
            f"{option} is for a copy that is a new order; leave it out"
            for option in ("place_target_order", "target_notes", "stock = partial")
        ]
    }
    assert changed.errors_log is None
    assert _lines(shop, orders["currency"])[1:] == [("skus", "MUG", 1, 14_00, 14_00)]
    del before["currency"]
    assert {name: _lines(shop, orders[name]) for name in before} == before
    assert (first.status, again.status) == ("completed", "failed")
    assert again.errors_log == {"merge_into": [f"{into} has lines of the source order already"]}


def test_the_differences_of_a_merged_copy_are_those_of_what_it_added(shop):
    ada = shop.customer()
    shop.sku("CAP")
    shop.price("CAP", 9_00)
    source = shop.order(customer_id=ada, lines=[("MUG", 2, 12_50)])
    plain = shop.order(customer_id=ada)
    shop.line(source, item_type="shipments", name="Post", unit_amount_cents=5_00)
    opened = shop.number_of(_open(shop, ada, notes="Ring twice"))

    made = request_copy(source, merge_into=opened, quantities={"MUG": 3}, add_lines={"CAP": 2})
    unchanged = request_copy(plain, merge_into=opened)
    run(made, unchanged)

    with reading() as db:
        differences = read_differences(db, OrderFactory.id.in_([made, unchanged]))
    shown = [
        (each.part, each.what, each.before, each.after, each.reason) for each in differences[made]
    ]
    assert shown == [
        ("line_items", "MUG: quantity", 2, 3, "quantities"),
        ("totals", "MUG: total_amount_cents", 25_00, 37_50, "quantities"),
        ("line_items", "Post", 1, None, "merge_into"),
        ("line_items", "CAP", None, 18_00, "add_lines"),
        ("totals", "total_amount_cents", 30_00, 55_50, "merge_into and quantities and add_lines"),
    ]
    assert differences[unchanged] == []


def test_two_copies_of_one_order_in_one_batch_are_merged_once(shop):
    ada = shop.customer()
    source, other = (shop.order(customer_id=ada) for _ in range(2))
    opened = _open(shop, ada, status="draft")
    shop.option(shop.rows(LineItem, order_id=source)[0].id, name="Engraving")
    into = {"merge_into": shop.number_of(opened)}

    first, second, third = run(*(request_copy(each, **into) for each in (source, source, other)))

    assert [first.status, second.status, third.status] == ["completed", "failed", "completed"]
    order = shop.row(Order, id=opened)
    assert (order.status, order.total_amount_cents) == ("pending", 50_00 + 2 * 12_50)
    copied = shop.rows(LineItem, order_id=opened)[1]
    assert shop.row(LineItemOption, line_item_id=copied.id).name == "Engraving"


def test_the_number_of_statements_does_not_grow_with_the_copies(shop):
    ada = shop.customer()
    counts = []
    for number in (2, 12):
        opened = shop.number_of(_open(shop, ada))
        factories = [
            request_copy(shop.order(customer_id=ada), merge_into=opened) for _ in range(number)
        ]
        batch = make_batch(factories)
        with record_statements() as statements:
            assert copy_batch(batch) == []
        counts.append(len(statements))
        assert {result.status for result in read_results(factories)} == {"completed"}

    assert counts[1] <= counts[0] + 1
