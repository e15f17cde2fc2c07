"""`order-factory show`."""

import pytest

from order_factory.models.tables import LineItem
from order_factory.models.values.public_ids import Resource, public_id
from tests.support.copying import request_copy


@pytest.fixture
def factory(shop):
    """The id of a factory that is still pending."""
    order = shop.order(number="A1")
    return public_id(
        Resource.order_factories, request_copy(order, reference="spring", metadata={"n": 1})
    )


def test_shows_everything_about_a_factory(run, factory):
    output = run("show", factory)
    as_json = run("show", factory, "--json")

    assert (output.code, output.err, as_json.code, as_json.err) == (0, "", 0, "")
    lines = [line.strip().split(maxsplit=1) for line in output.out.splitlines()]
    assert lines[0] == ["Order", f"factory {factory}"]
    assert ["status", "pending"] in lines
    assert ["metadata", "{"] in lines
    assert "order_factories.create" in output.out
    assert as_json.json["id"] == factory
    assert (as_json.json["source_order"]["number"], as_json.json["reference"]) == ("A1", "spring")
    assert [event["name"] for event in as_json.json["events"]] == ["order_factories.create"]
    assert as_json.json["events"][0]["created_at"].endswith("Z")


@pytest.mark.usefixtures("prefect")
def test_shows_the_errors_as_a_table(shop, run):
    shop.order(number="A1", lines=[("GONE", 0, 1_00)], catalogued=False)
    failed = run("copy", "A1", "--json").json["id"]

    output = run("show", failed)

    assert output.code == 0
    rows = [
        line.strip().split(maxsplit=1) for line in output.out.splitlines() if "SKU GONE" in line
    ]
    assert sorted(rows) == [
        ["line_items", "SKU GONE is no longer in the catalogue"],
        ["line_items", "SKU GONE: the quantity 0 is below 1"],
    ]


def test_an_unknown_id_is_reported(shop, run):
    output = run("show", "nix")
    as_json = run("show", "nix", "--json")

    assert (output.code, output.out) == (2, "")
    expected = (
        "No live order and no order factory has the number or id 'nix'; `order-factory orders` and "
        "`order-factory factories` list them."
    )
    assert output.err == f"Error: {expected}\n"
    assert as_json.json == {"error": {"code": "not_found", "message": expected}}


def test_show_prints_an_order_with_its_lines_and_copies(shop, run, factory):
    output = run("show", "A1")
    document = run("show", "A1", "--json").json

    assert output.code == 0
    assert output.out.splitlines()[0].strip() == "Order A1"
    assert [line["sku_code"] for line in document["line_items"]] == [
        row.sku_code for row in shop.rows(LineItem)
    ]
    assert [(each["id"], each["status"]) for each in document["copies"]] == [(factory, "pending")]
    assert factory in output.out


def test_lists_order_factories(run, factory):
    every = run("factories", "--json").json
    failed = run("factories", "--status", "failed")

    assert [each["id"] for each in every["order_factories"]] == [factory]
    assert every["total"] == 1
    assert failed.out == "There are no such order factories.\n"


def test_show_finds_an_order_of_test_mode(shop, run):
    shop.order(number="T1", mode="test", customer_id=shop.customer(mode="test"))

    missing = run("show", "T1")
    test_order = run("show", "T1", "--mode", "test", "--json")

    assert (missing.code, missing.out) == (2, "")
    assert "; there is a test order: use --mode test" in missing.err
    assert (test_order.code, test_order.json["number"], test_order.json["mode"]) == (
        0,
        "T1",
        "test",
    )
