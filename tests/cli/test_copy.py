"""`order-factory copy`."""

import json

import pytest

from order_factory.cli.views.order_factories import describe_copy
from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.copy_options import OPTIONS
from order_factory.models.values.public_ids import Resource, public_id
from tests.support.copying import copy_one, request_copy

PERSONAL = ("buyer@shop.example", "customer-", "Test Street", "Testville", "pm_test")


@pytest.mark.usefixtures("prefect")
def test_copies_an_order(shop, run):
    source = shop.order(number="A1", lines=[("MUG", 2, 12_50)])

    output = run("copy", "A1")

    (copy,) = [row for row in shop.rows(Order) if row.id != source]
    assert output.code == 0
    assert copy.number == f"OF{copy.id}"
    assert output.out.startswith(
        f"Order A1 was copied to order OF{copy.id} ({public_id(Resource.orders, copy.id)}).\n"
    )
    assert shop.row(OrderFactory).source_order_id == source
    assert not any(words in output.out + output.err for words in PERSONAL)


def test_a_copy_that_is_merged_is_reported_as_added(shop):
    customer = shop.customer()
    opened = shop.order(number="A2", status="draft", placed_at=None, customer_id=customer)
    source = shop.order(number="A1", customer_id=customer)

    headline, *_ = describe_copy(copy_one(source, merge_into="A2"))

    name = public_id(Resource.orders, opened)
    assert str(headline) == f"Order A1 was added to order A2 ({name})."


@pytest.mark.usefixtures("prefect")
def test_takes_every_option_and_prints_json(shop, run):
    shop.price("MUG", 12_50)
    shop.customer(email="ada@shop.example")
    shop.order(number="A1")

    output = run(
        *("copy", "A1", "--json", "--place-target-order", "--no-reuse-wallet", "--skip-errors"),
        *("--cancel-source-order", "--apply-promotions", "--ignore-invalid-coupon"),
        *("--refresh-prices", "--stock", "ignore", "--gift-cards", "fail", "--any-source-status"),
        *("--payment-source-fallback", "newest_valid"),
        *("--keep-metadata", "keys:color, size", "--keep-references", "all"),
        *("--repeat-skus", "TEE=once"),
        *("--quantities", "MUG=2", "--add-lines", '{"MUG": 1}'),
        *("--target-customer", "Ada@Shop.Example", "--target-notes", "Ring twice"),
        *("--target-market", "Europe", "--target-currency", "EUR"),
        *("--reference", "again", "--reference-origin", "shop", "--metadata", '{"n": 1}'),
    )

    factory = shop.row(OrderFactory)
    detail = output.json
    assert output.code == 0
    assert detail["id"] == public_id(Resource.order_factories, factory.id)
    assert (detail["status"], detail["source_order"]["number"]) == ("completed", "A1")
    assert {name: detail[name] for name in OPTIONS} == dict.fromkeys(OPTIONS, True) | {
        "reuse_wallet": False,
        "stock": "ignore",
        "gift_cards": "fail",
        "payment_source_fallback": "newest_valid",
        "keep_metadata": "keys:color,size",
        "keep_references": "all",
        "repeat_skus": "TEE=once",
    }
    assert (detail["quantities"], detail["add_lines"]) == ({"MUG": 2}, {"MUG": 1})
    assert (detail["target_customer"], detail["target_notes"]) == ("ada@shop.example", "Ring twice")
    assert shop.rows(Order)[-1].market_name == "Europe"
    assert (detail["reference"], detail["reference_origin"]) == ("again", "shop")
    assert detail["metadata"] == {"n": 1}


@pytest.mark.usefixtures("prefect")
def test_an_order_that_cannot_be_copied_is_reported(shop, run):
    shop.order(number="A1", lines=[("GONE", 0, 1_00)], catalogued=False)
    wrong = ["SKU GONE: the quantity 0 is below 1", "SKU GONE is no longer in the catalogue"]

    shown = run("copy", "A1")
    detail = run("copy", "A1", "--json")

    assert (shown.code, detail.code) == (1, 1)
    assert shown.out.startswith("Order A1 could not be copied.\n")
    assert all(message in shown.out for message in wrong)
    assert detail.json["status"] == "failed"
    assert sorted(detail.json["errors_log"]["line_items"]) == sorted(wrong)
    assert len(shop.rows(Order)) == 1


@pytest.mark.usefixtures("prefect")
def test_copies_a_pending_factory(shop, run):
    factory = public_id(Resource.order_factories, request_copy(shop.order(number="A1")))

    output = run("copy", "--order-factory-id", factory, "--json")

    assert (output.code, output.json["id"], output.json["status"]) == (0, factory, "completed")


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize(
    ("arguments", "detail"),
    [
        (["--reference", "x" * 300], "--reference: "),
        (["--metadata", '{"n": NaN}'], "--metadata is not valid JSON"),
    ],
)
def test_wrong_flow_parameters_are_refused(shop, run, arguments, detail):
    shop.order(number="A1")

    output = run("copy", "A1", *arguments)

    assert (output.code, output.out) == (2, "")
    assert f"Error: {detail}" in output.err
    assert "Traceback" not in output.err
    assert shop.rows(OrderFactory) == []


@pytest.mark.parametrize(
    ("arguments", "detail"),
    [
        (
            ["A2"],
            "No live order has the id or number 'A2'; `order-factory orders` lists them.",
        ),
        ([], "Give either an ORDER or an --order-factory-id."),
        (["A1", "--order-factory-id", "x"], "Give either an ORDER or an --order-factory-id."),
        (["--order-factory-id", "x"], "No order factory has the id 'x'."),
        (["A1", "--metadata", "[1, 2]"], "--metadata is not a JSON object like"),
        (["A1", "--metadata", "{'n': 1}"], "--metadata is not valid JSON."),
        (["A1", "--metadata", "[" * 100_000], "--metadata is nested more than 50 levels"),
    ],
)
def test_wrong_calls_are_refused_at_once(shop, run, arguments, detail):
    shop.order(number="A1")

    shown = run("copy", *arguments)
    as_json = run("copy", *arguments, "--json")

    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith(f"Error: {detail}")
    assert (as_json.code, as_json.err) == (2, "")
    assert json.loads(as_json.out)["error"]["message"].startswith(detail)
    assert shop.rows(OrderFactory) == []
