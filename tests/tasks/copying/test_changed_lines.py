"""Copies with other lines than their source orders."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from order_factory.models.database.engine import begin, reading
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import LineItem, LineItemOption, Order, OrderFactory
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.factories.records import create_factory
from order_factory.tasks.reports.differences import read_differences
from order_factory.tasks.working_set.order_totals import update_order_totals
from order_factory.tasks.working_set.statements import table_of
from tests.simulations.changed_copies import SPLIT, Changes, Line, copy_with, sums
from tests.support.copying import (
    copy_one,
    factory_of,
    record_statements,
    request_copy,
    run,
    target_of,
)

pytestmark = pytest.mark.usefixtures("verified")

KNOWN, NEW, UNKNOWN = ("A", "B", "C"), ("X", "Y"), "Z"
SEVERAL = " is on several lines of the source order; give it the quantity 0 and use add_lines"
PRICES = {"A": 11_11, "B": 0, "X": 7_77, "Y": 123_45}
_cents = st.integers(0, 5_000)
_taxes = st.none() | st.integers(0, 500)


@st.composite
def goods(draw: Any, code: str) -> Line:
    quantity, unit = draw(st.integers(1, 5)), draw(st.none() | _cents)
    extras = draw(st.sampled_from([0, 0, 3_33]))
    beside = draw(st.integers(-50, 50)) if unit else 0
    total = max((unit or draw(_cents)) * quantity + extras + beside, 0)
    return Line(
        "skus",
        code,
        quantity,
        unit,
        total,
        tax=draw(_taxes),
        discount=draw(st.none() | st.integers(-300, 0)),
        rate=draw(st.none() | st.sampled_from([0.22, 0.1])),
        extras=extras,
    )


def _other(kind: str, cents: Any) -> Any:
    return cents.map(lambda each: Line(kind, None, 1, each, each))


@st.composite
def cases(draw: Any) -> tuple[list[Line], float | None, Changes]:
    codes = draw(st.lists(st.sampled_from(KNOWN), min_size=1, max_size=4))
    lines = [draw(goods(code)) for code in codes]
    lines += draw(st.lists(_other("shipments", _cents), max_size=1))
    for kind in SPLIT:
        lines += draw(st.lists(_other(kind, st.integers(-2_000, -1)), max_size=1))
    everything = st.sampled_from([*KNOWN, *NEW, UNKNOWN])
    quantities = st.dictionaries(st.sampled_from([*KNOWN, *KNOWN, UNKNOWN]), st.integers(0, 8))
    changes = Changes(
        quantities=draw(quantities),
        swap_skus=draw(
            st.dictionaries(
                st.sampled_from(KNOWN), st.sampled_from([*NEW, *NEW, *NEW, UNKNOWN]), max_size=2
            )
        ),
        add_lines=draw(st.dictionaries(everything, st.integers(1, 3), max_size=2)),
        refresh_prices=draw(st.booleans()),
    )
    return lines, draw(st.none() | st.just(0.22)), changes


def _record(orders: list[tuple[list[Line], float | None]], like: int) -> list[int]:
    """Orders with these lines and tax rates, and all else of another one; their keys."""
    order, line, option = (table_of(each) for each in (Order, LineItem, LineItemOption))
    keys: list[int] = []
    with begin() as db:
        first = dict(db.execute(select(order).where(order.c.id == like)).one()._mapping)
        del first["id"], first["number"]
        for lines, rate in orders:
            made = insert(order).values(first | {"tax_rate": rate}).returning(order.c.id)
            key = db.execute(made).scalar_one()
            keys.append(key)
            for each in lines:
                values = {
                    "order_id": key,
                    "item_type": each.kind,
                    "sku_code": each.code,
                    "quantity": each.quantity,
                    "currency_code": "EUR",
                    "unit_amount_cents": each.unit,
                    "total_amount_cents": each.total,
                    "tax_amount_cents": each.tax,
                    "discount_cents": each.discount,
                    "tax_rate": each.rate,
                }
                its_key = db.scalar(insert(line).values(values).returning(line.c.id))
                if each.extras:
                    cost = {"quantity": 1, "total_amount_cents": each.extras}
                    db.execute(insert(option).values(line_item_id=its_key, **cost))
            update_order_totals(db, key)
        db.execute(update(order).where(order.c.id.in_(keys)).values(status=OrderStatus.PLACED))
    return keys


def _lines_by_order() -> dict[int, list[Any]]:
    """Each line of each order, with the costs of its options."""
    line, option = table_of(LineItem), table_of(LineItemOption)
    costs = select(func.coalesce(func.sum(option.c.total_amount_cents), 0))
    cost = costs.where(option.c.line_item_id == line.c.id).scalar_subquery()
    names = (
        *("item_type", "sku_code", "quantity", "unit_amount_cents", "total_amount_cents"),
        *("tax_amount_cents", "discount_cents"),
    )
    lines_by_order = defaultdict(list)
    with reading() as db:
        for key, *row in db.execute(
            select(line.c.order_id, *(line.c[name] for name in names), cost)
        ):
            lines_by_order[key].append(tuple(row))
    return {key: sorted(rows, key=repr) for key, rows in lines_by_order.items()}


def _make_rows(lines: list[Line]) -> list[Any]:
    names = ("kind", "code", "quantity", "unit", "total", "tax", "discount", "extras")
    return sorted([tuple(getattr(line, name) for name in names) for line in lines], key=repr)


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(examples=st.lists(cases(), min_size=20, max_size=20))
def test_copies_match_the_model(shop, examples):
    if not shop.rows(Order):
        shop.order(lines=[(code, 1, 1) for code in (*KNOWN, *NEW)])
        for code, cents in PRICES.items():
            shop.price(code, cents)
    sources = _record([(lines, rate) for lines, rate, _ in examples], shop.rows(Order)[0].id)
    with begin() as db:
        factories = [
            create_factory(db, source, CopyOptions(**vars(changes)), None)
            for source, (_, _, changes) in zip(sources, examples, strict=True)
        ]

    ended = run(*factories)

    made, orders = _lines_by_order(), {row.id: row._mapping for row in shop.rows(Order)}
    for (lines, rate, changes), result in zip(examples, ended, strict=True):
        expected = copy_with(lines, changes, PRICES, rate)
        if isinstance(expected, set):
            assert set(result.errors_log or ()) == expected, (result.errors_log, lines, changes)
            assert result.target_order is None
            continue
        target = target_of(result)
        assert made[target] == _make_rows(expected), (lines, changes)
        amounts = sums(expected)
        assert {name: orders[target][name] for name in amounts} == amounts


def test_an_unavailable_change_is_an_error_of_its_option(shop):
    source = shop.order(
        lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00), ("CAP", 1, 9_00), ("PIN", 1, 5)]
    )
    shop.sku("FREE")
    shop.sku("SHY", purchasable=False)
    shop.price("SHY", 1_00)

    result = copy_one(
        source,
        quantities={"TEE": 1, "CAP": 3, "HAT": 0},
        swap_skus={"MUG": "FREE", "CAP": "SHY", "HAT": "MUG"},
        add_lines={"GONE": 1},
        skip_errors=True,
    )

    assert result.errors_log == {
        "add_lines": ["SKU GONE is not in the catalogue"],
        "quantities": [
            "SKU TEE is on no line of the source order; add it with add_lines",
            f"SKU CAP{SEVERAL}",
        ],
        "swap_skus": [
            "SKU SHY is not purchasable",
            "SKU SHY is not purchasable",
            "SKU FREE has no price in EUR",
        ],
    }
    assert len(shop.rows(Order)) == 1


def test_a_changed_line_needs_stock_for_its_new_quantity(shop):
    source = shop.order(lines=[("MUG", 1, 12_50), ("CAP", 1, 9_00)])
    shop.sku("TEE", stock=2)
    shop.price("TEE", 20_00)
    changes = {"quantities": {"MUG": 2}, "add_lines": {"TEE": 3}}

    failed = copy_one(source, **changes)
    skipped = copy_one(source, skip_errors=True, **changes)

    expected_log = {"line_items": ["SKU TEE: 3 wanted, 2 in stock"]}
    assert (failed.errors_log, skipped.errors_log) == (expected_log, expected_log)
    target = target_of(skipped)
    lines = [(row.sku_code, row.quantity) for row in shop.rows(LineItem, order_id=target)]
    assert lines == [("CAP", 1), ("MUG", 2)]
    assert failed.target_order is None


def test_differences_name_the_option_that_made_them(shop):
    source = shop.order(lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00), ("OLD", 1, 5_00)])
    shop.price("NEW", 6_00)
    shop.price("TEE", 20_00)
    result = copy_one(
        source, quantities={"MUG": 3, "CAP": 0}, swap_skus={"OLD": "NEW"}, add_lines={"TEE": 1}
    )

    with reading() as db:
        differences = read_differences(db, OrderFactory.id == factory_of(result))[
            factory_of(result)
        ]

    every = "quantities and swap_skus and add_lines"
    reasons = {(each.what, each.before, each.after): each.reason for each in differences}
    assert reasons == {
        ("MUG: quantity", 2, 3): "quantities",
        ("MUG: total_amount_cents", 25_00, 37_50): "quantities",
        ("CAP", 1, None): "quantities",
        ("OLD: sku_code", "OLD", "NEW"): "swap_skus",
        ("OLD: unit_amount_cents", 5_00, 6_00): "swap_skus",
        ("OLD: total_amount_cents", 5_00, 6_00): "swap_skus",
        ("TEE", None, 20_00): "add_lines",
        ("subtotal_amount_cents", 39_00, 63_50): every,
        ("total_amount_cents", 39_00, 63_50): every,
        ("total_amount_with_taxes_cents", 39_00, 63_50): every,
    }


def test_the_number_of_statements_does_not_grow_with_the_copies(shop):
    shop.price("TEE", 20_00)
    counts = []
    for number in (1, 12):
        sources = [shop.order(lines=[("MUG", 1, 5), ("CAP", 1, 5)]) for _ in range(number)]
        factories = [
            request_copy(each, quantities="MUG=2,CAP=0", add_lines="TEE=1") for each in sources
        ]
        with record_statements() as statements:
            run(*factories)
        # Recording the batch and reading the results is one statement or two for each.
        counts.append(len(statements) - 2 * number)

    assert counts[1] <= counts[0] + 2


def test_a_changed_line_without_a_currency_keeps_none(shop):
    order = shop.order(lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)])
    with begin() as db:
        db.execute(update(LineItem).values(currency_code=None))
    shop.price("TEE", 20_00)

    copied = copy_one(order, quantities="MUG=3", add_lines="TEE=1")

    lines = shop.rows(LineItem, order_id=target_of(copied))
    assert {line.sku_code: line.currency_code for line in lines} == {
        "MUG": None,
        "CAP": None,
        "TEE": "EUR",
    }
