"""Copies with another customer, address, market, currency or notes than their source orders."""

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from order_factory.models.database.engine import begin, reading
from order_factory.models.errors import SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import (
    Address,
    LineItem,
    LineItemOption,
    Order,
    OrderFactory,
    PaymentSource,
)
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.factories.records import create_factory
from order_factory.tasks.reports.differences import read_differences
from tests.simulations.changed_orders import BLOCKED, UNKNOWN, Asked, Line, Source, copy_of
from tests.support.copying import (
    copy_batch,
    copy_one,
    factory_of,
    find_or_record,
    make_batch,
    read_results,
    record_statements,
    request_copy,
    run,
    target_of,
)

LEAVES_OUT = "; skip_errors leaves the line out"

pytestmark = pytest.mark.usefixtures("verified")

PRICES = {("A", "EUR"): 11_11, ("A", "USD"): 13_00, ("B", "USD"): 0, ("B", "EUR"): 5}
_maybe = st.none() | st.just(True)


def _id(resource: Resource, key: int) -> str:
    return public_id(resource, key)


@st.composite
def lines(draw: Any) -> tuple[Line, ...]:
    cents = st.integers(1, 3_000)
    goods = st.builds(
        Line,
        st.just("skus"),
        st.sampled_from(["A", "A", "B", "C"]),
        st.integers(1, 3),
        cents,
        st.sampled_from([None, None, 0, 77]),
        st.sampled_from([None, 0.22, 0.22]),
        st.sampled_from([0, 0, 0, 2_50]),
    )
    lines = draw(st.lists(goods, min_size=1, max_size=3))
    shipping = st.sampled_from([0, 0, 5_00]).map(lambda each: Line("shipments", None, 1, each))
    return (*lines, *draw(st.lists(shipping, max_size=1)))


sources = st.builds(
    Source,
    lines(),
    st.sampled_from(["ada", "ada", "bob", None]),
    st.sampled_from(["home", "work"]),
    st.sampled_from(["home", "work", "home"]),
    st.just(None),
    st.sampled_from([None, "Europe"]),
    st.sampled_from([None, "Ring twice"]),
    st.sampled_from([0, 0, 0, 3]),
)
asks = st.builds(
    Asked,
    st.sampled_from([None, "ada", "bob", "cat", "bob", "cat", BLOCKED, UNKNOWN]),
    st.sampled_from([None, None, "home", "shop", UNKNOWN]),
    st.sampled_from([None, None, "home", "shop", "shop"]),
    st.sampled_from([None, "America"]),
    st.sampled_from([None, "EUR", "USD", "USD"]),
    st.sampled_from([None, "Leave it\nat the door"]),
    st.booleans() | st.just(True),
    st.booleans(),
    st.sampled_from(["reuse", "reuse", "fail"]),
    st.sampled_from(["off", "newest_valid"]),
)


class World:
    """The rows that the model names."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        named = {"ada": "Ada@Shop.Example", "bob": "bob@shop.example", "cat": "cät@shop.example"}
        self.emails = {**named, BLOCKED: "no@shop.example", UNKNOWN: "nobody@shop.example"}
        self.customers = {name: shop.customer(email=email) for name, email in named.items()}
        self.customers[BLOCKED] = shop.customer(email=self.emails[BLOCKED], status="blocked")
        self.addresses = {
            name: shop.address(line_1=name, reference=name) for name in ("home", "work", "shop")
        }
        self.addresses[UNKNOWN] = 9_999_999
        self.cards = {
            name: shop.payment_source(wallet_of=self.customers[name], name=name)
            for name in ("ada", "bob")
        }
        for code in "ABC":
            shop.sku(code)
        for (code, currency), cents in PRICES.items():
            shop.price(code, cents, currency)
        shop.gift_card("GIFT-CARD-1", 1_000_000)

    def record(self, source: Source, saved: bool) -> tuple[Source, int]:
        """The order, and the source with the card that it was paid with."""
        card = source.customer if saved and source.customer in self.cards else None
        key = self.shop.order(
            lines=[],
            customer_id=self.customers[source.customer or "ada"],
            customer_email=self.emails.get(str(source.customer), "guest@shop.example"),
            guest=source.customer is None,
            billing_address_id=self.addresses[source.billing],
            shipping_address_id=self.addresses[str(source.shipping)],
            payment_source_id=self.cards[card] if card else None,
            market_name=source.market,
            notes=source.notes,
        )
        for line in source.lines:
            line_id = self.shop.line(
                key,
                item_type=line.kind,
                sku_code=line.code,
                quantity=line.quantity,
                unit_amount_cents=line.unit,
                total_amount_cents=line.total,
                tax_amount_cents=line.tax,
                tax_rate=line.rate,
            )
            if line.extras:
                self.shop.option(line_id, total_amount_cents=line.extras)
        if source.gift_card_cents:
            self.shop.redeem(key, "GIFT-CARD-1", source.gift_card_cents)
        if source.customer is None:
            self.shop.change_order(key, customer_id=None)
        return Source(**{**vars(source), "card": card}), key

    def options(self, asked: Asked, by_id: bool) -> dict[str, Any]:
        values: dict[str, Any] = {
            name: getattr(asked, name)
            for name in ("refresh_prices", "skip_errors", "gift_cards", "payment_source_fallback")
        }
        if asked.customer is not None:
            email = f" {self.emails[asked.customer].upper()} "
            known = by_id and asked.customer != UNKNOWN
            key = self.customers[asked.customer] if known else 0
            values["target_customer"] = _id(Resource.customers, key) if known else email
        for kind in ("billing", "shipping"):
            name = getattr(asked, kind)
            if name is not None:
                public = _id(Resource.addresses, self.addresses[name])
                address = public if kind == "billing" else name
                values[f"target_{kind}_address"] = address
        for name in ("market", "currency", "notes"):
            values[f"target_{name}"] = getattr(asked, name)
        return values


@pytest.fixture
def worlds() -> dict[int, World | None]:
    """The examples of one test share their world."""
    return {}


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    cases=st.lists(st.tuples(sources, asks, st.booleans(), st.booleans()), min_size=20, max_size=20)
)
def test_copies_are_what_the_model_says(shop, worlds, cases):
    world = worlds.setdefault(id(shop), None) or World(shop)
    worlds[id(shop)] = world
    recorded = [world.record(source, saved) for source, _, saved, _ in cases]
    with begin() as db:
        factories = [
            create_factory(db, key, CopyOptions(**world.options(asked, by_id)), None)
            for (_, key), (_, asked, _, by_id) in zip(recorded, cases, strict=True)
        ]

    ended = run(*factories)

    names = {key: name for name, key in world.customers.items()}
    addresses = {row.id: row for row in shop.rows(Address)}
    payments = {row.id: row.name for row in shop.rows(PaymentSource)}
    options = {row.line_item_id: row.total_amount_cents for row in shop.rows(LineItemOption)}
    for (source, _), (_, asked, _, _), result in zip(recorded, cases, ended, strict=True):
        expected, errors = copy_of(source, asked, PRICES, {name: name for name in world.cards})
        assert set(result.errors_log or ()) == errors, (result.errors_log, source, asked)
        if expected is None:
            assert result.target_order is None
            continue
        target = shop.row(Order, id=target_of(result))
        billing, shipping = (
            addresses[target.billing_address_id],
            addresses[target.shipping_address_id],
        )
        assert {
            "customer": names.get(target.customer_id),
            "guest": target.guest,
            "market": target.market_name,
            "notes": target.notes,
            "currency": target.currency_code,
            "billing": billing.line_1,
            "shipping": shipping.line_1,
            "card": payments.get(target.payment_source_id),
            "total": target.total_amount_cents,
        } == {name: value for name, value in expected.items() if name != "lines"}, (source, asked)
        email = world.emails.get(str(expected["customer"]), "guest@shop.example")
        assert target.customer_email == email
        assert (billing.id == shipping.id) == (billing.line_1 == shipping.line_1)
        rows = [
            row for row in shop.rows(LineItem, order_id=target.id) if row.total_amount_cents >= 0
        ]
        copied_lines = [
            Line(
                row.item_type,
                row.sku_code,
                row.quantity,
                row.unit_amount_cents,
                row.tax_amount_cents,
                row.tax_rate,
                options.get(row.id, 0),
                row.currency_code,
            )
            for row in rows
        ]
        assert copied_lines == expected["lines"], (source, asked)


def test_what_does_not_exist_is_an_error_of_its_option_and_no_copy_is_made(shop):
    source = shop.order()
    blocked = shop.customer(status="blocked")
    of_test = shop.address(mode="test")
    for _ in range(2):
        shop.address(reference="twice")

    (unknown, barred) = (
        copy_one(
            source,
            target_customer="nobody@shop.example",
            target_billing_address=_id(Resource.addresses, of_test),
            target_shipping_address="twice",
            target_currency="USD",
            skip_errors=True,
        ),
        copy_one(source, target_customer=_id(Resource.customers, blocked), skip_errors=True),
    )

    no_address = ["the shop has no such address, or several; give the reference or the id of one"]
    assert unknown.errors_log == {
        "target_customer": ["the shop has no such customer; give the email or the id of one"],
        "target_billing_address": no_address,
        "target_shipping_address": no_address,
        "target_currency": ["the source order is in EUR: set refresh_prices for the prices in USD"],
    }
    assert barred.errors_log == {"target_customer": ["the customer is blocked"]}
    assert len(shop.rows(Order)) == 1


def test_another_customer_is_asked_for_money_and_coupon_of_their_own(shop):
    ada, bob = shop.customer(), shop.customer(email="bob@shop.example")
    saved = shop.payment_source(wallet_of=ada, gateway="test")
    coupon = shop.coupon("ONCE", customer_single_use=True)
    source = shop.order(customer_id=ada, payment_source_id=saved, coupon_code="ONCE")
    options = {"target_customer": "bob@shop.example", "place_target_order": True}

    unpaid = copy_one(source, **options)
    shop.payment_source(wallet_of=bob, gateway="test", name="Bob's")
    paid = copy_one(source, payment_source_fallback="newest_valid", **options)
    again = copy_one(source, payment_source_fallback="newest_valid", **options)

    assert coupon
    assert set(unpaid.errors_log) == {"payment_source", "status"}
    assert unpaid.status == "failed"
    target = shop.row(Order, id=target_of(paid))
    assert paid.errors_log is None
    assert shop.row(PaymentSource, id=target.payment_source_id).name == "Bob's"
    assert set(again.errors_log) == {"coupon_code"}


def test_a_changed_line_with_options_has_no_price_in_another_currency(shop):
    source = shop.order(lines=[("MUG", 1, 12_50)])
    line = shop.row(LineItem, order_id=source)
    shop.option(line.id, total_amount_cents=1_00)
    with begin() as db:
        db.execute(update(LineItem).values(total_amount_cents=13_50))
    shop.line(source, item_type="fixed_amount_promotions", unit_amount_cents=-1_00)
    shop.price("MUG", 14_00, "USD")
    shop.price("CAP", 9_00, "USD")
    options = {"target_currency": "USD", "refresh_prices": True, "skip_errors": True}

    refused = copy_one(source, swap_skus={"MUG": "CAP"}, **options)
    made = copy_one(source, quantities={"MUG": 2}, add_lines={"CAP": 1}, **options)

    words = "the line has options, or a tax without a rate, that have no price in USD"
    assert refused.errors_log["swap_skus"] == [f"SKU CAP: {words}"]
    assert made.errors_log["line_items"][0] == f"SKU MUG: {words}"
    with reading() as db:
        (differences,) = read_differences(db, OrderFactory.id == factory_of(made)).values()
    assert [str(each) for each in differences if each.reason is None] == []


def test_a_changed_line_of_another_currency_has_the_price_of_that_list(shop):
    source = shop.order(lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)])
    line = shop.rows(LineItem)[1]
    shop.option(line.id, total_amount_cents=1_00)
    shop.sum_up(source)
    for code, cents in (("MUG", 14_00), ("TEE", 20_00), ("CAP", 1)):
        shop.price(code, cents, "USD")
    changes = {
        "quantities": {"MUG": 3},
        "add_lines": {"TEE": 1},
        "target_currency": "USD",
        "refresh_prices": True,
    }

    failed = copy_one(source, **changes)
    made = copy_one(source, **(changes | {"quantities": {"MUG": 3, "CAP": 0}}))

    assert failed.errors_log == {
        "line_items": [
            "SKU CAP has options in EUR, and only prices of SKUs are in USD" + LEAVES_OUT,
        ]
    }
    lines = shop.rows(LineItem, order_id=target_of(made))
    assert [(row.sku_code, row.total_amount_cents, row.currency_code) for row in lines] == [
        ("MUG", 42_00, "USD"),
        ("TEE", 20_00, "USD"),
    ]


def test_differences_name_the_option_and_no_person(shop):
    shop.customer(email="bob@shop.example")
    shop.price("MUG", 14_00, "USD")
    source = shop.order(market_name="Europe", notes="Ring twice")
    result = copy_one(
        source,
        target_customer="bob@shop.example",
        target_billing_address=_id(Resource.addresses, shop.address(line_1="Elsewhere")),
        target_market="America",
        target_currency="USD",
        target_notes="Leave it at the door",
        refresh_prices=True,
    )

    with reading() as db:
        differences = read_differences(db, OrderFactory.id == factory_of(result))[
            factory_of(result)
        ]

    reasons = {(each.what, each.before, each.after): each.reason for each in differences}
    both = "refresh_prices and target_currency"
    assert reasons == {
        ("MUG: unit_amount_cents", 12_50, 14_00): both,
        ("MUG: total_amount_cents", 12_50, 14_00): both,
        ("customer", "the customer", "another customer"): "target_customer",
        ("market_name", "Europe", "America"): "target_market",
        ("currency_code", "EUR", "USD"): "target_currency",
        ("notes", "as they were", "changed"): "target_notes",
        ("subtotal_amount_cents", 12_50, 14_00): both,
        ("total_amount_cents", 12_50, 14_00): both,
        ("total_amount_with_taxes_cents", 12_50, 14_00): both,
        ("billing_address", "as it was", "changed"): "target_billing_address",
    }


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_rows_of_a_file_have_changes_of_their_own(shop, tmp_path, ending):
    bob = shop.customer(email="bob@shop.example")
    address = shop.address(line_1="Elsewhere")
    for number in ("A1", "A2"):
        shop.order(number=number)
    row = {
        "source_order": "A1",
        "target_customer": "Bob@Shop.Example",
        "target_shipping_address": _id(Resource.addresses, address),
        "target_notes": "Two\nlines",
    }
    path = tmp_path / f"orders.{ending}"
    if ending == "csv":
        text = ",".join(row) + "\nA1,Bob@Shop.Example," + row["target_shipping_address"]
        path.write_text(text + ',"Two\nlines"\nA2,,,\n')
    else:
        path.write_text(f'{json.dumps(row)}\n{{"source_order": "A2"}}\n')

    batch = find_or_record("night", CopyOptions(target_market="America"), orders=str(path))
    assert copy_batch(batch) == []

    changed, plain = [shop.row(Order, order_factory_id=row.id) for row in shop.rows(OrderFactory)]
    shipping = shop.row(Address, id=changed.shipping_address_id)
    assert (changed.customer_id, changed.notes) == (bob, "Two\nlines")
    assert (shipping.line_1, shipping.copied_from_id) == ("Elsewhere", address)
    assert (plain.customer_id, plain.notes) != (bob, "Two\nlines")
    assert (changed.market_name, plain.market_name) == ("America", "America")
    with pytest.raises(SelectionInvalid) as refused:
        find_or_record(
            "wrong",
            CopyOptions(),
            orders=pd.DataFrame(
                [{"source_order": "A1", "target_customer": "bob", "target_currency": "euro"}]
            ),
        )
    assert sorted(
        (problem.split(": ", 1)[1] for problem in refused.value.args[1]), reverse=True
    ) == [
        "the value must be the email or the id of a customer",
        "the value is no ISO 4217 currency code; write a code such as EUR",
    ]


def test_the_number_of_statements_does_not_grow_with_the_copies(shop):
    shop.customer(email="bob@shop.example")
    shop.price("MUG", 14_00, "USD")
    address = _id(Resource.addresses, shop.address())
    counts = []
    for number in (2, 12):
        factories = [
            request_copy(
                shop.order(),
                target_customer="bob@shop.example",
                target_billing_address=address,
                target_currency="USD",
                refresh_prices=True,
            )
            for _ in range(number)
        ]
        batch = make_batch(factories)
        with record_statements() as statements:
            assert copy_batch(batch) == []
        counts.append(len(statements))
        assert {result.status for result in read_results(factories)} == {"completed"}

    assert counts[1] <= counts[0] + 1
