"""The target order: a new row with its source's columns. Its totals are the sums of its lines."""

import pytest

from order_factory.models.tables import LineItem, Order, OrderFactory, PaymentMethod
from order_factory.models.values.statuses import DISCOUNTS
from tests.support.copying import copy, copy_one, factory_of, target_of
from tests.support.filling import find_differences, make_values

# What a target order has of its own; everything else is its source's.
OF_THE_TARGET = {
    "id",
    "order_factory_id",
    "number",
    "status",
    "payment_status",
    "fulfillment_status",
    "billing_address_id",
    "shipping_address_id",
    "payment_source_id",
    "created_at",
    "updated_at",
}
# What the source order went through, and its caller's name for it.
LEFT = {
    "placed_at",
    "approved_at",
    "cancelled_at",
    "archived_at",
    "refreshed_at",
    "reference",
    "reference_origin",
    "gift_card_code",
    "gift_card_code_key",
}
AMOUNTS = {column.key for column in Order.__table__.c if column.key.endswith("_cents")}


def make_filled_order(shop):
    """An order of which every column holds something of its own, with one line."""
    customer = shop.customer()
    references = {
        "customer_id": customer,
        "payment_source_id": shop.payment_source(wallet_of=customer),
        "payment_method_id": shop.add(PaymentMethod, payment_source_type="stripe_payments"),
        "shipping_country_code_lock": "IT",
    }
    values = make_values(Order, mode="live", status="approved", **references)
    return shop.order(**{name: value for name, value in values.items() if name not in AMOUNTS})


def test_every_column_is_copied_or_left_out_on_purpose(shop):
    source = make_filled_order(shop)

    target = shop.row(Order, id=target_of(copy_one(source)))

    changed = find_differences(target, shop.row(Order, id=source))
    assert changed == OF_THE_TARGET | LEFT
    assert {name for name in LEFT if target._mapping[name] is not None} == set()


def test_a_target_order_has_no_history(shop):
    source = shop.order(
        status="approved", payment_status="refunded", fulfillment_status="fulfilled"
    )

    target = shop.row(Order, id=target_of(copy_one(source)))

    assert (target.status, target.payment_status, target.fulfillment_status) == (
        "pending",
        "unpaid",
        "unfulfilled",
    )


@pytest.mark.parametrize("kind", ["shipments", "payment_methods", "adjustments"])
def test_an_order_with_nothing_to_buy_stays_a_draft(shop, kind):
    source = shop.order(lines=[])
    shop.line(source, item_type=kind, total_amount_cents=5_00)

    result = copy_one(source)

    assert (result.status, result.errors_log) == ("completed", None)
    assert result.target_order.status == "draft"


@pytest.mark.parametrize("kind", ["bundles", "gift_cards"])
def test_an_order_with_a_purchasable_line_is_pending(shop, kind):
    source = shop.order(lines=[])
    shop.line(source, item_type=kind, total_amount_cents=5_00)

    assert copy_one(source).target_order.status == "pending"


def test_an_order_links_to_its_factory_and_back(shop):
    source = shop.order()

    results = copy(source, source)

    targets = [shop.row(Order, id=target_of(result)) for result in results]
    assert [target.order_factory_id for target in targets] == [
        factory_of(result) for result in results
    ]
    assert len({target.id for target in targets} | {source}) == 3


def test_the_factorys_reference_and_metadata_stay_the_factorys(shop):
    source = shop.order(reference="source", reference_origin="till", metadata={"of": "source"})

    result = copy_one(
        source, reference="copy", reference_origin="support", metadata={"of": "factory"}
    )

    factory = shop.row(OrderFactory, id=factory_of(result))
    target = shop.row(Order, id=target_of(result))
    assert (factory.reference, factory.reference_origin, factory.metadata) == (
        "copy",
        "support",
        {"of": "factory"},
    )
    assert (target.reference, target.reference_origin, target.metadata) == (
        None,
        None,
        {"of": "source"},
    )


@pytest.mark.parametrize(("tax_included", "with_taxes"), [(True, 133_00), (False, 145_00)])
def test_amounts_are_the_sums_of_the_orders_own_rows(shop, tax_included, with_taxes):
    source = shop.order(lines=[("MUG", 2, 50_00)], tax_included=tax_included)
    for kind, total, tax in [
        ("bundles", 20_00, 10_00),
        ("gift_cards", 10_00, None),
        ("gift_cards", -40_00, None),
        ("shipments", 7_00, 2_00),
        ("payment_methods", 1_00, None),
        ("adjustments", -3_00, None),
        ("percentage_discount_promotions", -2_00, None),
    ]:
        shop.line(source, item_type=kind, total_amount_cents=total, tax_amount_cents=tax)

    target = shop.row(Order, id=target_of(copy_one(source)))

    assert {name: target._mapping[name] for name in AMOUNTS} == {
        "subtotal_amount_cents": 130_00,
        "shipping_amount_cents": 7_00,
        "payment_method_amount_cents": 1_00,
        "discount_amount_cents": -2_00,
        "adjustment_amount_cents": -3_00,
        "gift_card_amount_cents": 0,
        "total_tax_amount_cents": 12_00,
        "total_amount_cents": 133_00,
        "total_amount_with_taxes_cents": with_taxes,
    }


def test_every_kind_of_discount_counts_as_one(shop):
    source = shop.order(lines=[("MUG", 1, 100_00)])
    for kind in DISCOUNTS:
        shop.line(source, item_type=kind, total_amount_cents=-1_00)

    target = shop.row(Order, id=target_of(copy_one(source)))

    assert target.discount_amount_cents == -len(DISCOUNTS) * 1_00
    assert target.total_amount_cents == 100_00 - len(DISCOUNTS) * 1_00


def test_amounts_of_the_neighbours_do_not_mix(shop):
    sources = [shop.order(lines=[("MUG", nth, 1_00)], currency_code="JPY") for nth in (1, 2, 3)]

    results = copy(*sources)

    targets = [shop.row(Order, id=target_of(result)) for result in results]
    assert [order.total_amount_cents for order in targets] == [1_00, 2_00, 3_00]
    assert {order.currency_code for order in targets} == {"JPY"}
    assert [shop.row(LineItem, order_id=order.id).quantity for order in targets] == [1, 2, 3]


def test_a_copy_stays_in_its_mode(shop):
    source = shop.order(mode="test", customer_id=shop.customer(mode="test"))

    result = copy_one(source)

    assert result.mode == "test"
    assert shop.row(Order, id=target_of(result)).mode == "test"
