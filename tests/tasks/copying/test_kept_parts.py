"""What travels with a copy: metadata and references, of all rows of an order."""

from typing import Any

import pytest
from pydantic import ValidationError

from order_factory.models.database.engine import reading
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import Address, LineItem, LineItemOption, Order, OrderFactory
from order_factory.tasks.reports.differences import read_differences
from tests.support.copying import copy_one, factory_of, target_of

DATA = {"erp_id": [1, None, {"ü": 1.5}], "color": "red", "exported": True, 'odd "key"': "x"}
GIVEN: dict[str, Any] = {"reference_origin": "erp", "metadata": DATA}


pytestmark = pytest.mark.usefixtures("verified")


@pytest.fixture
def source(shop):
    """An order with foreign data everywhere, and rows without any."""
    order = shop.order(
        reference="order",
        billing_address_id=shop.address(reference="home", **GIVEN),
        shipping_address_id=shop.address(),
        lines=[("CAP", 1, 9_00)],
        **GIVEN,
    )
    line = shop.line(order, sku_code="CAP", total_amount_cents=9_00, reference="line", **GIVEN)
    shop.option(line, reference="option", **GIVEN)
    shop.sum_up(order)
    return order


def rows_of(shop, order):
    """All rows of an order: itself, its addresses, lines and options."""
    row = shop.row(Order, id=order)
    keys = {row.billing_address_id, row.shipping_address_id}
    lines = shop.rows(LineItem, order_id=order)
    options = [
        option for line in lines for option in shop.rows(LineItemOption, line_item_id=line.id)
    ]
    return [row, *(shop.row(Address, id=key) for key in sorted(keys)), *lines, *options]


def read_kept(shop, order):
    """The metadata and references of an order's rows, each value once."""
    rows = rows_of(shop, order)
    metadata = [row.metadata for row in rows if row.metadata is not None]
    references = sorted(row.reference for row in rows if row.reference is not None)
    origins = {row.reference_origin for row in rows if row.reference_origin is not None}
    return metadata, references, origins


def some_of(*names):
    return {name: value for name, value in DATA.items() if name in names}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("default", [DATA] * 4),
        ("all", [DATA] * 4),
        ("none", []),
        ("keys:color, exported,unknown", [some_of("color", "exported")] * 4),
        ("keys:erp_id", [some_of("erp_id")] * 4),
        ('keys:odd "key"', [some_of('odd "key"')] * 4),
        ("keys:unknown", []),
    ],
)
def test_three_copies_of_a_copy_keep_the_wanted_keys_and_no_reference(shop, source, rule, expected):
    made = []
    for _ in range(3):
        first = target_of(copy_one(source, keep_metadata=rule))
        made += [first, target_of(copy_one(first, keep_metadata=rule))]

    assert [read_kept(shop, order) for order in made] == [(expected, [], set())] * 6
    assert len(read_kept(shop, source)[1]) == 4
    for table in (Order, Address, LineItem, LineItemOption):
        references = [row.reference for row in shop.rows(table) if row.reference]
        assert len(references) == len(set(references)) == 1


def test_references_are_copied_on_request(shop, source):
    target = target_of(copy_one(source, keep_references="all"))

    assert read_kept(shop, target) == ([DATA] * 4, ["home", "line", "option", "order"], {"erp"})


def test_the_setting_of_the_shop_applies_to_the_default_value(shop, source, monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_KEEP_METADATA", "keys:color")
    monkeypatch.setenv("ORDER_FACTORY_KEEP_REFERENCES", "all")
    by_setting = target_of(copy_one(source))
    by_option = target_of(copy_one(source, keep_metadata="all", keep_references="none"))
    monkeypatch.setenv("ORDER_FACTORY_KEEP_METADATA", "none")
    monkeypatch.setenv("ORDER_FACTORY_KEEP_REFERENCES", "none")
    changed = target_of(copy_one(source))

    assert read_kept(shop, by_setting) == (
        [some_of("color")] * 4,
        ["home", "line", "option", "order"],
        {"erp"},
    )
    assert read_kept(shop, by_option) == ([DATA] * 4, [], set())
    assert read_kept(shop, changed) == ([], [], set())


@pytest.mark.parametrize("rule", ["none", "keys:color"])
def test_a_copied_bundle_that_does_not_ship_still_does_not_ship(shop, rule):
    order = shop.order(lines=[])
    mark = {"do_not_ship": True, "color": "red"}
    shop.line(order, item_type="bundles", sku_code=None, total_amount_cents=1, metadata=mark)
    shop.sum_up(order)

    target = target_of(copy_one(target_of(copy_one(order, keep_metadata=rule)), keep_metadata=rule))

    (line,) = shop.rows(LineItem, order_id=target)
    assert line.metadata == {"none": {"do_not_ship": True}}.get(rule, mark)


def test_the_differences_name_what_was_left_out(shop, source):
    result = copy_one(source, keep_metadata="keys:color")

    with reading() as db:
        factory = factory_of(result)
        differences = read_differences(db, OrderFactory.__table__.c.id == factory)[factory]

    keys = 'erp_id, exported, odd "key"'
    kinds = ("order", "line_items", "line_item_options", "addresses")
    assert [
        (each.part, each.what, each.before, each.after, each.reason) for each in differences
    ] == [
        difference
        for kind in kinds
        for difference in (
            ("references", f"{kind}: rows with a reference", 1, None, "keep_references"),
            ("metadata", f"{kind}: keys", keys, None, "keep_metadata"),
        )
    ]


@pytest.mark.parametrize("wrong", ["", "some", "keys:", "keys:a,,b", "keys:a\x00"])
def test_a_wrong_rule_is_refused(wrong):
    with pytest.raises(ValidationError):
        CopyOptions(keep_metadata=wrong)
