"""Relationships and attributes of the reference: each is supported, or the page gives a reason."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path

from order_factory.api.resources.registry import RESOURCES
from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.public_ids import public_id
from tests.support.api_client import make_order_id
from tests.support.copying import change
from tests.support.draining import drain

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference_relationships.json").read_text())
# Written by `tests.support.sdk_declarations`: kind, and whether it may be null.
ATTRIBUTES = json.loads((HERE / "reference_attributes.json").read_text())
KINDS = {"integer": "number", "time": "text", "list of texts": "list", "list of objects": "list"}
PAGE = HERE.parents[1] / "docs/reference/http-api.md"


def read_left_out(part="relationships"):
    """The names in the table of unsupported parts."""
    page = PAGE.read_text(encoding="utf-8")
    section = page.split(f"### Unsupported {part}")[1].split("\n## ")[0].split("\n### ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return {name for row in rows for name in re.findall(r"`([\w*]+)`", row)}


def test_each_relationship_of_the_reference_is_here_or_left_out_with_a_reason():
    out = read_left_out()
    known = {
        (resource, name)
        for resource, names in REFERENCE.items()
        if resource in RESOURCES
        for name in names
    }
    here = {(each.name, name) for each in RESOURCES.values() for name in each.relationship}

    assert sorted(each for each in known - here if each[1] not in out) == []
    assert sorted(out - {name for _, name in known - here}) == []


def test_each_attribute_of_the_sdk_is_here_or_left_out_with_a_reason():
    out = read_left_out("attributes")
    missing, used = [], set()
    for resource, declared in ATTRIBUTES.items():
        for name in declared.keys() - RESOURCES[resource].attribute.keys():
            patterns = [each for each in out if fnmatch(name, each)]
            used.update(patterns)
            if not patterns:
                missing.append(f"{resource}.{name}")

    assert sorted(missing) == []
    assert sorted(out - used) == []


def test_attributes_have_the_kinds_that_the_sdk_declares():
    wrong = []
    for resource, declared in ATTRIBUTES.items():
        for name, (kind, may_be_null) in declared.items():
            attribute = RESOURCES[resource].attribute.get(name)
            if attribute is None:
                continue
            if KINDS.get(attribute.type, attribute.type) != kind:
                wrong.append(f"{resource}.{name} is a {kind} and not a {attribute.type}")
            if attribute.nullable and not may_be_null:
                wrong.append(f"{resource}.{name} is never null")

    assert wrong == []


def test_relationships_without_a_row_are_empty_and_no_error(api, shop):
    key = shop.order(mode="test", customer_id=shop.customer(mode="test"))
    made = api.copy(make_order_id(key))["data"]["id"]
    customer = public_id(RESOURCES["customers"].ids, shop.row(Order, id=key).customer_id)

    assert api.get(f"order_copies/{made}/order_subscription")["data"] is None
    assert api.get(f"order_copies/{made}/relationships/order_subscription")["data"] is None
    assert api.get(f"orders/{make_order_id(key)}/order_subscription")["data"] is None
    assert api.get(f"orders/{make_order_id(key)}/payment_method")["data"] is None
    for path in (f"orders/{make_order_id(key)}", f"customers/{customer}"):
        assert api.get(f"{path}/events")["data"] == []
        assert api.get(f"{path}/order_subscriptions")["data"] == []
    names = [each["attributes"]["name"] for each in api.get(f"order_copies/{made}/events")["data"]]
    assert names == ["order_copies.create"]
    assert api.list_ids("events", name_eq="order_copies.create") != []
    assert api.list_ids("events", name_start="order_factories") == []


def test_the_events_of_a_renewal_are_named_after_its_resource(api, shop):
    api.copy(make_order_id(shop.order(mode="test")))
    change(OrderFactory, shop.row(OrderFactory).id, type="recurring_order_copies")

    (event,) = api.get("events")["data"]
    assert event["attributes"]["name"] == "recurring_order_copies.create"


def test_every_order_has_a_number_from_the_start(api, shop):
    """No two are alike, though the shop has given away the number that would be next."""
    first = api.post("orders", {"type": "orders"})["data"]["attributes"]["number"]
    source = shop.order(mode="test", number=f"OF{int(first.removeprefix('OF')) + 2}")
    api.copy(make_order_id(source))
    drain()
    api.post("orders", {"type": "orders", "attributes": {"number": "mine"}})

    numbers = [each["attributes"]["number"] for each in api.get("orders", sort="id")["data"]]

    assert len(set(numbers)) == len(numbers) == 4
    assert numbers[0] == f"OF{shop.rows(Order)[0].id}"
    assert numbers[2].startswith(f"{numbers[1]}-"), "the shop has that one"
    assert numbers[3] == "mine"
