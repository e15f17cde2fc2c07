"""The addresses: they are copied as new rows, which later changes of the source do not touch."""

import pytest

from order_factory.models.tables import Address, Order
from tests.support.copying import change, copy, copy_one, target_of
from tests.support.filling import find_differences, make_values

OWN = {"id", "copied_from_id", "created_at", "updated_at"}


def test_both_addresses_are_copied_column_by_column(shop):
    billing = shop.add(Address, **make_values(Address, mode="live"))
    shipping = shop.address(city="Elsewhere")
    source = shop.order(billing_address_id=billing, shipping_address_id=shipping)

    target = shop.row(Order, id=target_of(copy_one(source, keep_references="all")))

    copied = shop.row(Address, id=target.billing_address_id)
    assert find_differences(copied, shop.row(Address, id=billing)) == OWN
    assert copied.copied_from_id == billing
    assert {column.key for column in Address.__table__.c} == set(copied._mapping)
    elsewhere = shop.row(Address, id=target.shipping_address_id)
    assert (elsewhere.copied_from_id, elsewhere.city) == (shipping, "Elsewhere")
    assert elsewhere.line_2 is None


def test_a_shared_address_stays_shared_and_different_ones_stay_different(shop):
    one, other = shop.address(), shop.address()
    shared = shop.order(billing_address_id=one, shipping_address_id=one)
    apart = shop.order(billing_address_id=one, shipping_address_id=other)
    before = len(shop.rows(Address))

    results = copy(shared, apart)

    first, second = (shop.row(Order, id=target_of(result)) for result in results)
    assert first.billing_address_id == first.shipping_address_id
    assert second.billing_address_id != second.shipping_address_id
    assert first.billing_address_id != second.billing_address_id
    copied = [address.copied_from_id for address in shop.rows(Address)[before:]]
    assert sorted(copied) == [one, one, other]


def test_a_later_edit_of_one_order_changes_no_other(shop):
    address = shop.address(city="Testville")
    source = shop.order(billing_address_id=address, shipping_address_id=address)
    first, second = copy(source, source)
    copied = shop.row(Order, id=target_of(first)).billing_address_id

    change(Address, copied, city="Newtown")
    change(Address, address, city="Oldtown")

    of_second = shop.row(Order, id=target_of(second)).billing_address_id
    cities = {row.id: row.city for row in shop.rows(Address)}
    assert (cities[address], cities[copied], cities[of_second]) == (
        "Oldtown",
        "Newtown",
        "Testville",
    )


def test_each_missing_address_is_reported(shop):
    source = shop.order(billing_address_id=None, shipping_address_id=None)

    result = copy_one(source)

    assert result.status == "failed"
    assert result.errors_log == {
        "billing_address": ["the order has no billing address"],
        "shipping_address": ["the order has no shipping address"],
    }
    assert len(shop.rows(Order)) == 1


def test_skip_errors_copies_an_order_with_one_address(shop):
    source = shop.order(billing_address_id=None)

    result = copy_one(source, skip_errors=True)

    target = shop.row(Order, id=target_of(result))
    assert result.status == "completed"
    assert result.errors_log == {"billing_address": ["the order has no billing address"]}
    assert target.billing_address_id is None
    assert target.shipping_address_id is not None


# It was not placed yet, so that nothing is known of what it needs.
CART = {"status": "pending", "placed_at": None, "shipping_address_id": None}


def test_an_order_that_ships_nothing_needs_no_shipping_address(shop):
    shop.sku("EBOOK", do_not_ship=True)
    source = shop.order(lines=[("EBOOK", 1, 9_99)], shipping_address_id=None)
    shop.line(source, item_type="gift_cards", total_amount_cents=50_00)
    shop.line(source, item_type="payment_methods", total_amount_cents=1_00)

    result = copy_one(source)

    assert (result.status, result.errors_log) == ("completed", None)
    assert shop.row(Order, id=target_of(result)).shipping_address_id is None


def test_a_bundle_that_says_that_it_does_not_ship_needs_no_shipping_address(shop):
    source = shop.order(lines=[], shipping_address_id=None)
    shop.line(source, item_type="bundles", sku_code=None, metadata={"do_not_ship": True, "n": 2})

    result = copy_one(source)

    assert (result.status, result.errors_log) == ("completed", None)


@pytest.mark.parametrize(
    "metadata", [None, {}, {"do_not_ship": False}, {"do_not_ship": "true"}, {"do_not_ship": 1}]
)
def test_a_bundle_ships_unless_it_says_that_it_does_not(shop, metadata):
    source = shop.order(lines=[], **CART)
    shop.line(source, item_type="bundles", sku_code=None, metadata={"do_not_ship": True})
    shop.line(source, item_type="bundles", sku_code=None, metadata=metadata)

    result = copy_one(source)

    assert result.errors_log == {"shipping_address": ["the order has no shipping address"]}


@pytest.mark.parametrize("kind", ["skus", "bundles"])
def test_an_order_with_one_shipped_line_needs_a_shipping_address(shop, kind):
    shop.sku("EBOOK", do_not_ship=True)
    shop.sku("MUG")
    source = shop.order(lines=[("EBOOK", 1, 9_99)], **CART)
    shop.line(source, item_type=kind, sku_code="MUG" if kind == "skus" else None)

    result = copy_one(source)

    assert result.errors_log == {"shipping_address": ["the order has no shipping address"]}


def test_a_sku_ships_as_the_catalogue_of_the_orders_mode_says(shop):
    shop.sku("EBOOK", do_not_ship=True)
    shop.sku("EBOOK", mode="test")
    source = shop.order(lines=[("EBOOK", 1, 9_99)], mode="test", shipping_address_id=None)

    result = copy_one(source)

    assert result.errors_log == {"shipping_address": ["the order has no shipping address"]}


def test_a_country_outside_the_shipping_lock_is_refused(shop):
    address = shop.address(country_code="FR")
    source = shop.order(shipping_address_id=address, shipping_country_code_lock="IT")

    result = copy_one(source)

    assert result.status == "failed"
    assert result.errors_log == {
        "shipping_address": ["the country FR is outside the order's shipping country lock IT"]
    }
    assert len(shop.rows(Address)) == 2


def test_the_shipping_lock_binds_no_billing_address(shop):
    source = shop.order(
        billing_address_id=shop.address(country_code="FR"), shipping_country_code_lock="IT"
    )

    result = copy_one(source)

    assert result.status == "completed"
    assert shop.row(Order, id=target_of(result)).shipping_country_code_lock == "IT"


def test_skip_errors_leaves_out_a_shared_address_only_where_it_ships_to(shop):
    address = shop.address(country_code="FR")
    source = shop.order(
        billing_address_id=address,
        shipping_address_id=address,
        shipping_country_code_lock="IT",
    )

    result = copy_one(source, skip_errors=True)

    target = shop.row(Order, id=target_of(result))
    assert result.status == "completed"
    assert result.errors_count == 1
    assert target.shipping_address_id is None
    assert shop.row(Address, id=target.billing_address_id).copied_from_id == address


def test_an_order_that_ships_nothing_ignores_the_country_lock(shop):
    shop.sku("EBOOK", do_not_ship=True)
    abroad = shop.address(country_code="DE")
    values = {"shipping_address_id": abroad, "shipping_country_code_lock": "IT"}

    ebook = copy_one(shop.order(lines=[("EBOOK", 1, 5_00)], **values))
    mug = copy_one(shop.order(**values))

    assert ebook.errors_log is None
    assert list(mug.errors_log) == ["shipping_address"]
