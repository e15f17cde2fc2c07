"""Order subscriptions through the API: made, changed, converted, activated and cancelled."""

from datetime import timedelta

import pytest

from order_factory.models.tables import (
    Customer,
    CustomerPaymentSource,
    LineItem,
    Order,
    OrderFactory,
    OrderSubscription,
    PaymentSource,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from tests.support.api_client import make_linkage, make_order_id
from tests.support.copying import change
from tests.support.draining import drain
from tests.support.subscriptions import run_due

KIND, ITEMS = "order_subscriptions", "order_subscription_items"


@pytest.fixture
def source(shop):
    """The key of an order of the mode test. Its copies can be placed."""
    return payable(shop)


def payable(shop, **values):
    customer = shop.customer(mode="test")
    card = shop.payment_source(wallet_of=customer, mode="test")
    return shop.order(mode="test", customer_id=customer, payment_source_id=card, **values)


def create(api, source, expect=201, **attributes):
    data = {
        "type": KIND,
        "attributes": {"frequency": "monthly", **attributes},
        "relationships": {"source_order": make_linkage("orders", make_order_id(source))},
    }
    return api.post(KIND, data, expect)


def update(api, name, expect=200, **attributes):
    data = {"type": KIND, "id": name, "attributes": attributes}
    return api.patch(f"{KIND}/{name}", data, expect)


def problems(document):
    return [(each["source"]["pointer"], each["title"]) for each in document["errors"]]


def test_activating_a_draft_subscription_twice_changes_nothing(api, shop, source):
    made = create(api, source, starts_at="2026-01-31T12:00:00Z", reference="mine")["data"]

    again = [update(api, made["id"], _activate=True)["data"]["attributes"] for _ in range(2)]

    attributes = made["attributes"]
    row = shop.row(OrderSubscription)
    assert (attributes["status"], attributes["next_run_at"]) == ("draft", None)
    assert [each["status"] for each in again] == ["active", "active"]
    assert attributes["number"] == row.number
    assert attributes["customer_email"] == "buyer@shop.example"
    assert row.next_run_at > utc_now()
    assert {name: attributes[name] for name in ("occurrencies", "errors_count", "reference")} == {
        "occurrencies": 0,
        "errors_count": 0,
        "reference": "mine",
    }
    assert {
        name: attributes[name]
        for name in ("time_zone", "catch_up", "retry_after", "after_failure", "expires_at")
    } == {
        "time_zone": "UTC",
        "catch_up": "one",
        "retry_after": None,
        "after_failure": "keep",
        "expires_at": None,
    }
    shown = api.get(f"{KIND}/{made['id']}", include="source_order,customer")
    assert [each["type"] for each in shown["included"]] == ["orders", "customers"]
    assert api.list_ids(KIND, frequency_eq="monthly", source_order_number_eq="1003") == [made["id"]]


@pytest.mark.parametrize(
    ("attributes", "pointer", "rule"),
    [
        ({"frequency": "fortnightly"}, "frequency", "must be one of"),
        ({"frequency": "*/30 * * * *"}, "frequency", "must be at most once an hour"),
        ({"frequency": None}, "frequency", "can't be blank"),
        ({"time_zone": "Rome"}, "time_zone", "must be an IANA time zone"),
        ({"renewal_alert_period": 0}, "renewal_alert_period", "must be greater than or equal to 1"),
        (
            {"renewal_alert_period": 721},
            "renewal_alert_period",
            "must be less than or equal to 720",
        ),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "must be after starts_at"),
        ({"retry_after": "soon"}, "retry_after", "must be delays"),
        ({"catch_up": "some"}, "catch_up", "must be one of"),
    ],
)
def test_values_that_break_a_rule_are_refused(api, shop, source, attributes, pointer, rule):
    refused = create(api, source, 422, **attributes)

    ((at, title),) = problems(refused)
    assert at == f"/data/attributes/{pointer}"
    assert title.startswith(rule)
    assert shop.rows(OrderSubscription) == []


def test_the_triggers_move_it_through_its_statuses(api, shop, source):
    name = create(api, source, activate_by_source_order=False)["data"]["id"]

    def pull(trigger):
        attributes = update(api, name, **{trigger: True})["data"]["attributes"]
        return attributes["status"], attributes["next_run_at"] is not None

    answers = [pull(each) for each in ("_activate", "_deactivate", "_activate", "_cancel")]
    refused = update(api, name, 422, _activate=True)

    assert answers == [
        ("active", True),
        ("inactive", False),
        ("active", True),
        ("cancelled", False),
    ]
    assert problems(refused) == [
        ("/data/attributes/status", "cannot be changed: the order subscription is cancelled")
    ]
    assert shop.row(OrderSubscription).status == "cancelled"
    assert update(api, name, reference="old")["data"]["attributes"]["reference"] == "old"


def test_the_next_run_can_be_moved_into_the_future_only(api, shop, source):
    name = create(api, source)["data"]["id"]
    update(api, name, _activate=True)
    later = utc_now().replace(microsecond=0) + timedelta(days=3)

    update(api, name, next_run_at=later.isoformat())
    moved = shop.row(OrderSubscription).next_run_at
    refused = update(api, name, 422, next_run_at="2020-01-01T00:00:00Z")
    update(api, name, frequency="hourly")

    assert moved == later
    assert problems(refused) == [("/data/attributes/next_run_at", "must be in the future")]
    assert shop.row(OrderSubscription).next_run_at <= utc_now() + timedelta(hours=1)


def test_a_converted_subscription_copies_its_items_and_charges_its_own_card(api, shop):
    source = payable(shop, lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00), ("TEA", 3, 4_00)])
    mug, _, tea = shop.rows(LineItem, order_id=source)
    change(LineItem, [mug.id, tea.id], frequency="monthly")
    shop.option(mug.id, options={"text": "Ada"})
    shop.line(source, item_type="shipments", unit_amount_cents=5_00)
    customer = shop.row(Customer).id
    card = shop.payment_source(wallet_of=customer, mode="test")
    (_, saved) = [row.id for row in wallet(shop)]
    change_mode(shop)
    name = create(api, source)["data"]["id"]

    update(api, name, _convert=True)
    first, second = api.get(f"{KIND}/{name}/{ITEMS}")["data"]
    api.patch(
        f"{ITEMS}/{second['id']}",
        {"type": ITEMS, "id": second["id"], "attributes": {"quantity": 5}},
    )
    paid = make_linkage(
        "customer_payment_sources", public_id(Resource.customer_payment_sources, saved)
    )
    api.patch(
        f"{KIND}/{name}",
        {"type": KIND, "id": name, "relationships": {"customer_payment_source": paid}},
    )
    update(api, name, _activate=True)
    change(OrderSubscription, 1, next_run_at=utc_now() - timedelta(minutes=1))
    run_due(utc_now())

    assert [first["attributes"]["sku_code"], second["attributes"]["sku_code"]] == ["MUG", "TEA"]
    (copy,) = shop.rows(OrderFactory)
    assert copy.status == "completed", copy.errors_log
    target = shop.row(Order, id=copy.target_order_id)
    assert (target.status, target.total_amount_cents) == ("placed", 2 * 12_50 + 5 * 4_00)
    lines = shop.rows(LineItem, order_id=target.id)
    assert [(row.sku_code, row.quantity) for row in lines] == [("MUG", 2), ("TEA", 5)]
    assert find_copied_source(shop, target) == card
    assert [each["id"] for each in api.get(f"{KIND}/{name}/orders")["data"]] == [
        make_order_id(target.id)
    ]


def wallet(shop):
    return shop.rows(CustomerPaymentSource)


def change_mode(shop):
    change(CustomerPaymentSource, [row.id for row in wallet(shop)], mode="test")


def find_copied_source(shop, target):
    return shop.row(PaymentSource, id=target.payment_source_id).copied_from_id


def test_a_source_without_convertible_lines_cannot_be_converted(api, shop, source):
    change(LineItem, [row.id for row in shop.rows(LineItem)], frequency="weekly")
    name = create(api, source)["data"]["id"]

    refused = update(api, name, 422, _convert=True)

    assert problems(refused) == [
        (
            "/data/attributes/_convert",
            "The source order has no line item with the frequency monthly.",
        )
    ]


def test_items_can_be_added_and_deleted_except_the_last(api, shop, source):
    name = create(api, source)["data"]["id"]

    def add(sku, **attributes):
        shop.sku(sku, mode="test")
        data = {
            "type": ITEMS,
            "attributes": {"sku_code": sku, "quantity": 2, "unit_amount_cents": 300, **attributes},
            "relationships": {"order_subscription": make_linkage(KIND, name)},
        }
        return api.post(ITEMS, data)["data"]

    tea, rum = add("TEA"), add("RUM")
    api.delete(f"{ITEMS}/{tea['id']}")
    api.delete(f"{ITEMS}/{rum['id']}", 423)

    assert rum["attributes"]["formatted_total_amount"] == "€6,00"
    template = shop.row(Order, id=shop.row(OrderSubscription).template_order_id)
    assert (template.status, template.total_amount_cents) == ("draft", 6_00)
    assert [row.sku_code for row in shop.rows(LineItem, order_id=template.id)] == ["RUM"]
    assert len(shop.rows(Order)) == 2, "templates that nothing was copied from are gone"


def test_a_recurring_copy_can_be_requested_by_hand(api, shop, source):
    name = create(api, source)["data"]["id"]

    made = api.post(
        "recurring_order_copies",
        {
            "type": "recurring_order_copies",
            "relationships": {"order_subscription": make_linkage(KIND, name)},
        },
    )["data"]
    drain()

    shown = api.get(f"recurring_order_copies/{made['id']}", include="order_subscription")
    assert shown["data"]["attributes"]["status"] == "completed"
    assert shown["data"]["attributes"]["place_target_order"] is True
    assert [each["id"] for each in shown["included"]] == [name]
    assert shop.row(OrderSubscription).occurrencies == 0
    api.delete(f"{KIND}/{name}", 423)


def test_a_subscription_without_copies_can_be_deleted(api, shop, source):
    name = create(api, source)["data"]["id"]

    api.delete(f"{KIND}/{name}")

    assert shop.rows(OrderSubscription) == []
