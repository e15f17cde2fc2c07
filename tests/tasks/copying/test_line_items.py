"""The line items with their options: a frozen copy, and the errors of single lines."""

import pytest

from order_factory.models.tables import CopyError, LineItem, LineItemOption, Order
from order_factory.models.values.statuses import ItemType
from tests.support.copying import copy, copy_one, factory_of, target_of
from tests.support.filling import find_differences, make_values

OWN = {"id", "copied_from_id", "created_at", "updated_at"}


def test_lines_of_every_kind_are_copied_column_by_column(shop):
    shop.sku("MUG", do_not_track=True)
    source = shop.order(lines=[])
    for kind in ItemType:
        values = make_values(LineItem, item_type=kind, sku_code="MUG", currency_code="EUR")
        shop.add(LineItem, order_id=source, **values)
    shop.sum_up(source)

    target = target_of(copy_one(source, keep_references="all"))

    originals = shop.rows(LineItem, order_id=source)
    copied = {line.copied_from_id: line for line in shop.rows(LineItem, order_id=target)}
    assert [line.item_type for line in originals] == list(ItemType)
    assert len(shop.rows(LineItem, order_id=target)) == len(originals)
    for original in originals:
        assert find_differences(copied[original.id], original) == OWN | {"order_id"}


def test_options_are_copied_column_by_column(shop):
    source = shop.order(lines=[("MUG", 1, 12_50), ("CAP", 1, 9_00)])
    _, cap = (line.id for line in shop.rows(LineItem, order_id=source))
    option = shop.option(cap, **make_values(LineItemOption, currency_code="EUR"))
    wrap = shop.option(cap, name="Gift wrap")

    target = target_of(copy_one(source, keep_references="all"))

    line = shop.row(LineItem, order_id=target, copied_from_id=cap)
    copied = {row.copied_from_id: row for row in shop.rows(LineItemOption, line_item_id=line.id)}
    assert len(shop.rows(LineItemOption)) == 4
    original = shop.row(LineItemOption, id=option)
    assert find_differences(copied[option], original) == OWN | {"line_item_id"}
    assert (copied[wrap].name, copied[wrap].options) == ("Gift wrap", None)


def test_the_copy_is_frozen_whatever_the_catalogue_says_now(shop):
    shop.sku("MUG", name="Renamed", image_url="https://shop.example/new.png")
    source = shop.order(lines=[])
    shop.line(
        source,
        sku_code="MUG",
        name="Mug",
        quantity=2,
        unit_amount_cents=12_50,
        discount_cents=-1_00,
        total_amount_cents=23_99,
    )

    target = target_of(copy_one(source))

    line = shop.row(LineItem, order_id=target)
    assert (line.name, line.image_url, line.total_amount_cents) == ("Mug", None, 23_99)
    assert shop.row(Order, id=target).total_amount_cents == 23_99


def test_an_order_without_lines_is_refused(shop):
    source = shop.order(lines=[])

    for skip_errors in (False, True):
        result = copy_one(source, skip_errors=skip_errors)

        assert result.status == "failed"
        assert result.errors_log == {"line_items": ["the order has no line item"]}
    assert len(shop.rows(Order)) == 1


def test_quantities_below_one_are_reported_by_line(shop):
    source = shop.order(lines=[("MUG", 0, 12_50), ("CAP", 1, 9_00), ("PEN", -3, 1_00)])
    shop.line(source, item_type="bundles", bundle_code="STARTER", quantity=0)
    shop.line(source, item_type="adjustments", name="Goodwill", quantity=0)
    shop.line(source, item_type="shipments", quantity=0)

    result = copy_one(source)

    assert result.status == "failed"
    assert result.errors_log == {
        "line_items": [
            "SKU MUG: the quantity 0 is below 1",
            "SKU PEN: the quantity -3 is below 1",
            "line STARTER: the quantity 0 is below 1",
            "line Goodwill: the quantity 0 is below 1",
            "line shipments: the quantity 0 is below 1",
        ]
    }
    assert len(shop.rows(Order)) == 1


def test_skus_that_are_no_longer_for_sale_are_reported(shop):
    shop.sku("TESTED", mode="test")
    shop.sku("BARRED", purchasable=False)
    lines = [("GONE", 1, 1_00), ("TESTED", 1, 1_00), ("BARRED", 1, 1_00)]
    source = shop.order(lines=lines, catalogued=False)

    result = copy_one(source)

    assert result.status == "failed"
    assert result.errors_log == {
        "line_items": [
            "SKU GONE is no longer in the catalogue",
            "SKU TESTED is no longer in the catalogue",
            "SKU BARRED is not purchasable",
        ]
    }
    assert len(shop.rows(Order)) == 1


def test_only_sku_lines_need_the_catalogue(shop):
    source = shop.order()
    for kind in ItemType:
        if kind != ItemType.SKUS:
            shop.line(source, item_type=kind, sku_code="GONE", bundle_code="GONE")

    assert copy_one(source).errors_log is None


def test_a_line_with_two_errors_has_two_messages(shop):
    source = shop.order(lines=[("GONE", 0, 1_00), ("MUG", 1, 12_50)], catalogued=False)
    shop.sku("MUG")

    refused = copy_one(source)
    skipped = copy_one(source, skip_errors=True)

    expected_log = {
        "line_items": [
            "SKU GONE: the quantity 0 is below 1",
            "SKU GONE is no longer in the catalogue",
        ]
    }
    assert (refused.status, refused.errors_log, refused.errors_count) == ("failed", expected_log, 2)
    assert (skipped.status, skipped.errors_log, skipped.errors_count) == (
        "completed",
        expected_log,
        2,
    )


def test_each_line_error_names_its_line(shop):
    source = shop.order(lines=[("MUG", 1, 12_50), ("PEN", 0, 1_00)])
    _, pen = (line.id for line in shop.rows(LineItem))

    result = copy_one(source)

    error = shop.row(CopyError, order_factory_id=factory_of(result))
    assert (error.code, error.line_item_id) == ("quantity_below_one", pen)


def test_skip_errors_leaves_out_the_wrong_lines_with_their_options(shop):
    source = shop.order(lines=[("MUG", 2, 12_50), ("PEN", 0, 1_00)])
    unknown_line = shop.line(source, sku_code="GONE", quantity=1, unit_amount_cents=5_00)
    mug, pen, _ = (line.id for line in shop.rows(LineItem))
    for line in (mug, pen, unknown_line):
        shop.option(line)
    shop.line(source, item_type="shipments", total_amount_cents=4_00)

    result = copy_one(source, skip_errors=True)

    target = target_of(result)
    lines = {line.item_type: line for line in shop.rows(LineItem, order_id=target)}
    assert result.status == "completed"
    assert lines.keys() == {"skus", "shipments"}
    assert lines["skus"].copied_from_id == mug
    assert [option.line_item_id for option in shop.rows(LineItemOption)[3:]] == [lines["skus"].id]
    order = shop.row(Order, id=target)
    assert (order.subtotal_amount_cents, order.total_amount_cents) == (25_00, 29_00)


def test_skip_errors_fails_where_no_line_is_left(shop):
    source = shop.order(lines=[("MUG", 0, 12_50), ("PEN", 0, 1_00)])

    result = copy_one(source, skip_errors=True)

    assert result.status == "failed"
    assert result.errors_log == {
        "line_items": [
            "SKU MUG: the quantity 0 is below 1",
            "SKU PEN: the quantity 0 is below 1",
            "no line item is left to copy",
        ]
    }
    assert len(shop.rows(Order)) == 1


@pytest.mark.parametrize("skip_errors", [False, True])
def test_wrong_lines_of_one_order_do_not_affect_another(shop, skip_errors):
    wrong = shop.order(lines=[("MUG", 0, 12_50)])
    right = shop.order(lines=[("MUG", 1, 12_50)])

    results = copy(wrong, right, skip_errors=skip_errors)

    assert [result.status for result in results] == ["failed", "completed"]
    assert results[1].errors_log is None


@pytest.mark.parametrize("skip_errors", [False, True])
def test_lines_and_options_keep_the_order_of_their_source(shop, skip_errors):
    sources = [shop.order(lines=[("MUG", n + 1, 1_00) for n in range(10)]) for _ in range(2)]
    faulty = shop.order(lines=[("MUG", 1, 1_00)] * 9 + [("PEN", 0, 1_00)])
    line = shop.rows(LineItem, order_id=sources[0])[7].id
    options = [shop.option(line) for _ in range(4)]

    results = copy(*sources, faulty, skip_errors=skip_errors)

    for result, source in zip(results, [*sources, faulty], strict=True):
        if result.target_order:
            copied = shop.rows(LineItem, order_id=target_of(result))
            originals = shop.rows(LineItem, order_id=source)[: len(copied)]
            assert [line.copied_from_id for line in copied] == [line.id for line in originals]
    copied_options = shop.rows(LineItemOption)[len(options) :]
    assert [option.copied_from_id for option in copied_options] == options
    assert len({option.line_item_id for option in copied_options}) == 1
