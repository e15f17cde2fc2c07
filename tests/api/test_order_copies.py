"""Order copies through the API: asked for, read, changed, deleted, and copied."""

import re
from io import BytesIO

import pandas as pd
import pytest
from sqlalchemy import update

from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import Event, Order, OrderFactory, Transaction
from order_factory.models.values.copy_options import ORDER_CHANGES
from order_factory.models.values.public_ids import Resource, parse_public_id, public_id
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.verify import verify
from tests.support.api_client import make_linkage, make_order_id, make_token
from tests.support.copying import change, read_database
from tests.support.draining import drain
from tests.support.orders import ask_gateways


def test_a_copy_is_pending_when_it_is_answered(api, shop):
    source = make_order_id(shop.order(mode="test"))

    made = api.copy(
        source,
        place_target_order=True,
        reference="again",
        metadata={"a": [1]},
        quantities={"MUG": 2},
    )["data"]

    assert made["type"] == "order_copies"
    attributes = made["attributes"]
    created = attributes.pop("created_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created)
    assert attributes.pop("updated_at") == created
    assert attributes == {
        "status": "pending",
        "started_at": None,
        "completed_at": None,
        "failed_at": None,
        "errors_log": None,
        "errors_count": 0,
        "place_target_order": True,
        "reuse_wallet": True,
        "cancel_source_order": False,
        "apply_promotions": False,
        "skip_errors": False,
        "ignore_invalid_coupon": False,
        "refresh_prices": False,
        "stock": "take",
        "gift_cards": "reuse",
        "payment_source_fallback": "default",
        "keep_metadata": "default",
        "keep_references": "default",
        "repeat_skus": "default",
        "applied_repeat_skus": None,
        "any_source_status": False,
        "quantities": {"MUG": 2},
        "swap_skus": None,
        "add_lines": None,
        **dict.fromkeys(ORDER_CHANGES),
        "reference": "again",
        "reference_origin": None,
        "metadata": {"a": [1]},
    }
    assert made["meta"] == {"mode": "test", "organization_id": "order-factory"}
    here = f"http://shop.example/api/order_copies/{made['id']}"
    assert made["links"] == {"self": here}
    assert made["relationships"]["source_order"] == {
        "links": {"self": f"{here}/relationships/source_order", "related": f"{here}/source_order"}
    }
    (row,) = shop.rows(OrderFactory)
    assert (row.status, row.mode, row.type) == ("pending", "test", "order_copies")
    assert [event.name for event in shop.rows(Event)] == ["order_factories.create"]


def test_a_copy_is_answered_with_its_location_and_included_resources(api, shop):
    source = make_order_id(shop.order(mode="test"))
    data = {
        "type": "order_copies",
        "relationships": {"source_order": make_linkage("orders", source)},
    }

    response = api.send(
        "POST",
        "order_copies?include=source_order",
        json={"data": data},
        headers={"Content-Type": "application/vnd.api+json"},
    )

    document = response.json()
    assert response.headers["location"] == document["data"]["links"]["self"]
    assert document["data"]["relationships"]["source_order"]["data"]["id"] == source
    assert [each["id"] for each in document["included"]] == [source]


def test_every_option_is_stored(api, shop):
    source = make_order_id(shop.order(mode="test"))
    flags = ("cancel_source_order", "apply_promotions", "ignore_invalid_coupon", "refresh_prices")
    attributes = {
        **dict.fromkeys(flags, True),
        "stock": "ignore",
        "target_customer": "ada@shop.example",
        "target_billing_address": public_id(Resource.addresses, shop.address(mode="test")),
        "target_currency": "USD",
        "target_notes": "Ring twice",
    }

    made = api.copy(source, **attributes)["data"]

    shown = api.get(f"order_copies/{made['id']}")["data"]["attributes"]
    assert {name: shown[name] for name in attributes} == attributes


def test_null_leaves_the_default(api, shop):
    source = make_order_id(shop.order(mode="test"))

    made = api.copy(source, reuse_wallet=None, skip_errors=None)["data"]["attributes"]

    assert (made["reuse_wallet"], made["skip_errors"]) == (True, False)


def test_all_errors_are_reported_and_nothing_is_written(api, shop):
    shop.order(mode="test")
    before = read_database()
    data = {
        "type": "order_copies",
        "attributes": {"reuse_wallet": "yes", "reference": "x" * 256, "metadata": [1]},
        "relationships": {"source_order": make_linkage("orders", "nonsensical")},
    }

    errors = api.post("order_copies", data, expect=422)["errors"]

    assert [(each["source"]["pointer"], each["title"], each["code"]) for each in errors] == [
        ("/data/attributes/reuse_wallet", "must be true or false", "VALIDATION_ERROR"),
        (
            "/data/attributes/reference",
            "is too long (maximum is 255 characters)",
            "VALIDATION_ERROR",
        ),
        ("/data/attributes/metadata", "must be an object", "VALIDATION_ERROR"),
        ("/data/relationships/source_order", "must exist", "VALIDATION_ERROR"),
    ]
    assert errors[0]["detail"] == "reuse_wallet - must be true or false"
    assert {each["status"] for each in errors} == {"422"}
    assert read_database() == before


def test_a_source_order_is_required_and_must_be_an_order(api, shop):
    customer = shop.customer(mode="test")
    data = {"type": "order_copies", "attributes": {}}

    (missing,) = api.post("order_copies", data, expect=422)["errors"]
    data["relationships"] = {"source_order": make_linkage("customers", make_order_id(customer))}
    (wrong,) = api.post("order_copies", data, expect=422)["errors"]

    assert missing["detail"] == "source_order - can't be blank"
    assert wrong["detail"] == "source_order - must be of the type orders"


def test_attributes_that_a_client_may_not_set_are_refused(api, shop):
    source = make_order_id(shop.order(mode="test"))

    errors = api.copy(source, expect=400, status="completed", colour="red")["errors"]

    assert [(each["code"], each["source"]["pointer"]) for each in errors] == [
        ("PARAM_NOT_ALLOWED", "/data/attributes/status"),
        ("PARAM_NOT_ALLOWED", "/data/attributes/colour"),
    ]
    assert shop.rows(OrderFactory) == []


def test_only_the_callers_own_attributes_can_be_changed(api, shop):
    made = api.copy(make_order_id(shop.order(mode="test")))["data"]
    path = f"order_copies/{made['id']}"
    own = {"reference": "r", "reference_origin": "o", "metadata": {"k": "v"}}

    changed = api.patch(path, {"type": "order_copies", "id": made["id"], "attributes": own})
    refused = api.patch(
        path,
        {"type": "order_copies", "id": made["id"], "attributes": {"place_target_order": True}},
        expect=400,
    )

    assert {name: changed["data"]["attributes"][name] for name in own} == own
    assert refused["errors"][0]["source"]["pointer"] == "/data/attributes/place_target_order"


def test_pending_copies_are_made_and_read_as_completed(api, shop):
    source = shop.order(mode="test", lines=(("MUG", 2, 1_250),))
    made = api.copy(make_order_id(source))["data"]

    drain()

    document = api.get(
        f"order_copies/{made['id']}", include="target_order.line_items,events,source_order"
    )
    assert document["data"]["attributes"]["status"] == "completed"
    by_type = {each["type"]: each for each in document["included"]}
    assert by_type["line_items"]["attributes"]["total_amount_cents"] == 2_500
    names = [e["attributes"]["name"] for e in document["included"] if e["type"] == "events"]
    assert names == ["order_copies.create", "order_copies.start", "order_copies.complete"]
    target = document["data"]["relationships"]["target_order"]["data"]["id"]
    assert api.get(f"order_factories/{made['id']}/target_order")["data"]["id"] == target
    listed = api.get(f"orders/{make_order_id(source)}/order_copies")
    assert [each["id"] for each in listed["data"]] == [made["id"]]


def test_a_finished_copy_can_be_deleted_and_its_order_stays(api, shop):
    made = api.copy(make_order_id(shop.order(mode="test")))["data"]
    drain()
    target = api.get(f"order_copies/{made['id']}/target_order")["data"]["id"]

    api.delete(f"order_copies/{made['id']}")

    api.get(f"order_copies/{made['id']}", expect=404)
    assert api.get(f"orders/{target}")["data"]["attributes"]["status"] == "pending"
    assert shop.rows(OrderFactory) == []
    assert [event.name for event in shop.rows(Event)] == [
        f"order_copies.{name}" for name in ("create", "start", "complete", "destroy")
    ]
    with reading() as db:
        assert verify(db).violations == 0


def test_a_paid_copy_can_be_deleted_and_its_payment_stays(api, shop, ledger):
    customer = shop.customer(mode="test")
    card = {"gateway": "test", "payment_source_token": "tok_approve", "mode": "test"}
    saved = shop.payment_source(wallet_of=customer, **card)
    order = shop.order_of_test_mode(customer_id=customer, payment_source_id=saved)
    made = api.copy(make_order_id(order), place_target_order=True)["data"]
    drain()
    api.delete(f"order_copies/{made['id']}", expect=423)
    assert authorize_payments.fn(Scope()).problems == []
    target = api.get(f"order_copies/{made['id']}/target_order")["data"]["id"]
    (payment,) = shop.rows(Transaction)
    change(Transaction, payment.id, status="unknown")

    api.delete(f"order_copies/{made['id']}", expect=423)
    change(Transaction, payment.id, status="succeeded")
    api.delete(f"order_copies/{made['id']}")

    attributes = api.get(f"orders/{target}")["data"]["attributes"]
    assert (attributes["status"], attributes["payment_status"]) == ("placed", "authorized")
    data = {"type": "orders", "id": target, "attributes": {"_approve_and_capture": True}}
    api.patch(f"orders/{target}", data)
    assert ask_gateways() == []
    assert [kind for kind, _ in ledger.charges()] == ["authorize", "capture"]
    assert shop.rows(OrderFactory) == []
    with reading() as db:
        assert verify(db).violations == 0


def test_a_copy_that_was_retried_cannot_be_deleted_before_its_retry(api, shop):
    copies = [api.copy(make_order_id(shop.order_of_test_mode()))["data"]["id"] for _ in range(2)]
    first, retry = (row.id for row in shop.rows(OrderFactory))
    change(OrderFactory, first, status="failed", errors_count=1)
    change(OrderFactory, retry, retry_of_id=first)

    (error,) = api.send("DELETE", f"order_copies/{copies[0]}").json()["errors"]
    api.delete(f"order_copies/{copies[1]}")
    api.delete(f"order_copies/{copies[0]}")

    assert (error["status"], error["code"]) == ("423", "ORDER_FACTORY_RETRIED")
    assert shop.rows(OrderFactory) == []


def test_a_copy_in_progress_cannot_be_deleted(api, shop):
    made = api.copy(make_order_id(shop.order(mode="test")))["data"]
    change(OrderFactory, shop.row(OrderFactory).id, status="in_progress")

    api.delete(f"order_copies/{made['id']}", expect=423)

    assert len(shop.rows(OrderFactory)) == 1


def test_a_copy_that_another_transaction_is_copying_cannot_be_deleted(api, shop, request):
    if "postgres" not in request.node.name:
        return  # on SQLite there is one writer, which the deletion waits for
    made = api.copy(make_order_id(shop.order(mode="test")))["data"]
    key = parse_public_id(Resource.order_factories, made["id"])

    with begin() as db:
        db.execute(update(OrderFactory).where(OrderFactory.id == key).values(skip_errors=True))
        api.delete(f"order_copies/{made['id']}", expect=423)

    assert len(shop.rows(OrderFactory)) == 1


def test_recurring_copies_are_in_their_own_list(api, shop):
    source = shop.order(mode="test")
    plain = api.copy(make_order_id(source))["data"]["id"]
    api.copy(make_order_id(source))
    recurring = shop.rows(OrderFactory)[1].id
    change(OrderFactory, recurring, type="recurring_order_copies")

    assert [each["id"] for each in api.get("order_copies")["data"]] == [plain]
    assert len(api.get("recurring_order_copies")["data"]) == 1
    assert api.get("order_factories")["meta"]["record_count"] == 2
    api.post("recurring_order_copies", {"type": "recurring_order_copies"}, expect=422)


def test_a_batch_is_requested_drained_and_reported(api, shop):
    orders = [make_order_id(shop.order(mode="test")) for _ in range(3)]
    bad = make_order_id(shop.order(mode="test", customer_id=None, billing_address_id=None))
    data = {
        "type": "order_factory_batches",
        "attributes": {"reference": "night", "metadata": {"a": 1}},
        "relationships": {
            "source_orders": {"data": [{"type": "orders", "id": each} for each in [*orders, bad]]}
        },
    }

    made = api.post("order_factory_batches", data)["data"]
    again = api.post("order_factory_batches", data, expect=409)
    drain()

    assert made["attributes"]["orders_count"] == 4
    assert made["attributes"]["status"] == "pending"
    assert again["errors"][0]["source"]["pointer"] == "/data/attributes/reference"
    path = f"order_factory_batches/{made['id']}"
    assert api.get(path)["data"]["attributes"]["status"] == "completed"
    assert api.get(f"{path}/order_factories")["meta"]["record_count"] == 4
    report = api.get(f"{path}/report")["data"]["attributes"]
    assert (report["completed"], report["failed"]) == (3, 1)
    assert report["errors"][0]["field"] == "billing_address"
    files = {
        ending: api.send("GET", f"{path}/report{ending}", headers={"Accept": "text/html"})
        for ending in (".csv", ".xlsx", ".parquet", ".html")
    }
    assert {ending: answer.status_code for ending, answer in files.items()} == dict.fromkeys(
        files, 200
    )
    rows = [line.split(",") for line in files[".csv"].text.splitlines()]
    assert [row[2] for row in rows] == ["status", "completed", "completed", "completed", "failed"]
    assert [frame["status"].tolist() for frame in _frames(files)] == [
        ["completed", "completed", "completed", "failed"]
    ] * 2
    assert "3 of 4 orders copied; 1 failed." in files[".html"].text
    assert files[".csv"].headers["content-type"] == "text/csv; charset=utf-8"
    assert files[".xlsx"].headers["content-disposition"].startswith("attachment; filename=")
    api.get(f"{path}/report.pdf", expect=404)
    api.with_token(make_token("live")).get(f"{path}/report.csv", expect=404)
    factory = api.get(f"{path}/order_factories")["data"][0]["id"]
    api.delete(f"order_copies/{factory}", expect=423)


def _frames(files):
    return [
        pd.read_excel(BytesIO(files[".xlsx"].content)),
        pd.read_parquet(BytesIO(files[".parquet"].content)),
    ]


def batch_where(**order_filter):
    return {"type": "order_factory_batches", "attributes": {"orders_where": order_filter}}


def test_a_batch_copies_the_orders_that_match_a_filter(api, shop):
    fitting = [shop.order(mode="test", market_name="EU") for _ in range(2)]
    shop.order(mode="test", market_name="US")
    shop.order(mode="live", market_name="EU")

    made = api.post("order_factory_batches", batch_where(market="EU"))["data"]
    drain()

    assert made["attributes"]["orders_count"] == 2
    assert "EU" in made["attributes"]["selection"]
    assert [row.source_order_id for row in shop.rows(OrderFactory)] == fitting
    assert {row.status for row in shop.rows(OrderFactory)} == {"completed"}


@pytest.mark.parametrize(
    ("order_filter", "message"),
    [
        ({"mode": "live"}, "orders_where - must not name a mode: it is the token's"),
        ({"market": "NOWHERE"}, "orders_where - no order matches"),
        ({"placed_from": 5}, "orders_where - is invalid at placed_from: a date such as"),
        ({"colour": "red"}, "orders_where - is invalid at colour: Extra inputs are not permitted"),
    ],
)
def test_an_impossible_filter_is_refused(api, shop, order_filter, message):
    shop.order(mode="test", market_name="EU")

    (error,) = api.post("order_factory_batches", batch_where(**order_filter), expect=422)["errors"]

    assert error["detail"].startswith(message)
    assert error["source"]["pointer"] == "/data/attributes/orders_where"
    assert shop.rows(OrderFactory) == []


def test_a_batch_needs_orders_or_a_filter_and_not_both(api, shop):
    source = make_order_id(shop.order(mode="test"))
    both = batch_where(market="EU")
    both["relationships"] = {"source_orders": {"data": [{"type": "orders", "id": source}]}}

    for data in ({"type": "order_factory_batches"}, both):
        (error,) = api.post("order_factory_batches", data, expect=422)["errors"]
        assert error["source"]["pointer"] == "/data/relationships/source_orders"

    assert shop.rows(OrderFactory) == []


def test_the_error_names_the_order_that_does_not_exist(api, shop):
    live = make_order_id(shop.order(mode="live"))
    own_order = make_order_id(shop.order(mode="test"))
    data = {
        "type": "order_factory_batches",
        "relationships": {
            "source_orders": {
                "data": [{"type": "orders", "id": each} for each in (own_order, live)]
            }
        },
    }

    (error,) = api.post("order_factory_batches", data, expect=422)["errors"]

    assert error["detail"] == "source_orders - must exist, and number 2 does not"
    assert shop.rows(OrderFactory) == []


def test_a_read_only_token_cannot_copy(api, shop):
    reader = api.with_token(make_token("test", "read"))
    source = make_order_id(shop.order(mode="test"))

    (error,) = reader.copy(source, expect=401)["errors"]

    assert error["code"] == "UNAUTHORIZED"
    assert reader.get("orders")["meta"]["record_count"] == len(shop.rows(Order))
