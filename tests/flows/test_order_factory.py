"""The `order_factory` flow, on Prefect's own server."""

import logging
import pickle
from uuid import UUID

import pytest
from prefect import get_client

from order_factory.flows.order_factory import order_factory
from order_factory.models.database.engine import begin
from order_factory.models.errors import (
    DatabaseNotReady,
    FactoryNotFound,
    InvalidRequest,
    SourceOrderNotFound,
)
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.results.copies import OrderFactoryFailed
from order_factory.models.tables import Event, LineItem, Order, OrderFactory
from order_factory.models.values.public_ids import Resource, parse_public_id, public_id
from order_factory.models.values.statuses import Mode
from order_factory.tasks.factories.records import create_factory

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


def test_copies_an_order_by_number(shop):
    source = shop.order(lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)])

    result = order_factory(
        shop.number_of(source), reference="again", reference_origin="test", metadata={"n": 1}
    )

    factory = shop.row(OrderFactory)
    target = shop.row(Order, order_factory_id=factory.id)
    assert result.status == "completed"
    assert result.source_order.id == public_id(Resource.orders, source)
    assert result.target_order is not None
    assert (
        parse_public_id(Resource.orders, result.target_order.id)
        == target.id
        == factory.target_order_id
    )
    assert (target.status, target.total_amount_cents) == ("pending", 34_00)
    assert target.number == f"OF{target.id}"
    assert (result.reference, result.reference_origin, result.metadata) == (
        "again",
        "test",
        {"n": 1},
    )
    assert (result.errors_log, result.errors_count) == (None, 0)
    assert result.started_at is not None
    assert result.completed_at is not None
    assert [line.sku_code for line in shop.rows(LineItem, order_id=target.id)] == ["MUG", "CAP"]
    assert [event.name for event in shop.rows(Event)] == [
        "order_factories.create",
        "order_factories.start",
        "order_factories.complete",
    ]


def test_takes_a_public_id_and_a_number_typed_as_a_number(shop):
    source = shop.order(number="31198570044")

    by_id = order_factory(public_id(Resource.orders, source))
    by_number = order_factory(31198570044)  # type: ignore[call-overload]

    assert by_id.source_order == by_number.source_order
    assert len(shop.rows(Order)) == 3


def test_a_failed_copy_raises_with_every_error(shop):
    source = shop.order(billing_address_id=None, customer_id=shop.customer(status="blocked"))
    shop.line(source, sku_code="GONE")
    shop.line(source, sku_code="MUG", quantity=0)
    shop.line(source, sku_code="MUG", quantity=2_000)

    with pytest.raises(OrderFactoryFailed) as failure:
        order_factory(shop.number_of(source))

    result = failure.value.result
    assert result.status == "failed"
    assert result.target_order is None
    assert result.errors_log == {
        "customer": ["the customer is blocked"],
        "billing_address": ["the order has no billing address"],
        "line_items": [
            "SKU MUG: the quantity 0 is below 1",
            "SKU GONE is no longer in the catalogue",
            "SKU MUG: 2001 wanted, 1000 in stock",
        ],
    }
    assert result.errors_count == 5
    assert len(shop.rows(Order)) == 1
    assert str(pickle.loads(pickle.dumps(failure.value))) == str(failure.value)


def test_a_failed_state_shows_the_errors(shop):
    source = shop.order(number="1234")
    shop.line(source, sku_code="GONE")

    state = order_factory("1234", return_state=True)

    assert (state.type.value, state.name) == ("FAILED", "Failed")
    assert state.message == (
        f"1 error while copying order 1234 ({public_id(Resource.orders, source)}): "
        "line_items: SKU GONE is no longer in the catalogue"
    )


def test_copies_with_skipped_errors_end_as_completed_with_errors(shop):
    source = shop.order(lines=[("MUG", 1, 10_00)])
    shop.line(source, sku_code="GONE", unit_amount_cents=99)

    state = order_factory(shop.number_of(source), skip_errors=True, return_state=True)

    result = state.result()
    assert (state.type.value, state.name) == ("COMPLETED", "CompletedWithErrors")
    assert result.status == "completed"
    assert result.errors_log == {"line_items": ["SKU GONE is no longer in the catalogue"]}
    target = shop.row(Order, order_factory_id=shop.row(OrderFactory).id)
    assert target.total_amount_cents == 10_00


def test_copies_a_factory_that_was_recorded_before(shop):
    source = shop.order()
    with begin() as db:
        key = create_factory(db, source, CopyOptions(reference="mine"), None)
    name = public_id(Resource.order_factories, key)

    first = order_factory(order_factory_id=name)
    second = order_factory(order_factory_id=name)

    assert (first.id, first.status, first.reference) == (name, "completed", "mine")
    assert second == first
    assert len(shop.rows(Order)) == 2


def test_the_run_is_named_after_its_order_and_kept_with_the_factory(shop):
    shop.order(number="77001")

    result = order_factory("77001")

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(result.flow_run_id))
    assert run.name == "copy order 77001"


@pytest.mark.parametrize(
    ("given", "error", "detail"),
    [
        (
            {"source_order": "nope"},
            SourceOrderNotFound,
            "No live order has the id or number 'nope'",
        ),
        ({"source_order": ""}, InvalidRequest, "source_order: "),
        ({"source_order": 1.5}, InvalidRequest, "source_order: Input should be a valid string"),
        ({"source_order": True}, InvalidRequest, "source_order: "),
        ({"source_order": ["1001"]}, InvalidRequest, "source_order: "),
        ({}, InvalidRequest, "Give either a source_order or an order_factory_id"),
        ({"source_order": "1001", "reference": "x" * 1_000_000}, InvalidRequest, "reference: "),
        ({"source_order": "1001", "reference": "a\x00b"}, InvalidRequest, "reference: "),
        ({"source_order": "1001", "metadata": [1]}, InvalidRequest, "metadata: "),
        ({"source_order": "1001", "metadata": {"a": float("nan")}}, InvalidRequest, "metadata: "),
        ({"source_order": "1001", "metadata": {"a": "x" * 99_999}}, InvalidRequest, "metadata: "),
        ({"source_order": "1001", "reuse_wallet": "maybe"}, InvalidRequest, "reuse_wallet: "),
        ({"order_factory_id": "nope"}, FactoryNotFound, "No order factory has the id 'nope'"),
        (
            {"source_order": "1001", "order_factory_id": "x"},
            InvalidRequest,
            "Give either a source_order or an order_factory_id",
        ),
    ],
)
def test_bad_calls_change_nothing(shop, given, error, detail):
    shop.order(number="1001")

    with pytest.raises(error) as raised:
        order_factory(**given)

    assert str(raised.value).startswith(detail)
    assert len(str(raised.value)) < 1_000
    assert (shop.rows(OrderFactory), shop.rows(Event), len(shop.rows(Order))) == ([], [], 1)


def test_options_together_with_a_recorded_factory_are_refused(shop):
    source = shop.order()
    with begin() as db:
        key = create_factory(db, source, CopyOptions(), None)

    with pytest.raises(InvalidRequest, match="has its own options"):
        order_factory(order_factory_id=public_id(Resource.order_factories, key), skip_errors=True)

    assert shop.row(OrderFactory).status == "pending"


def test_the_same_number_in_test_and_in_live_mode_is_copied_by_number(shop):
    live = shop.order(number="55", mode="live")
    shop.order(number="55", mode="test")

    copied = order_factory("55", mode=Mode.TEST)

    assert copied.mode == "test"
    assert shop.row(Order, order_factory_id=shop.row(OrderFactory).id).mode == "test"
    assert shop.rows(OrderFactory, source_order_id=live) == []


def test_a_database_without_tables_is_refused_with_advice(tmp_path, monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")

    with pytest.raises(DatabaseNotReady, match="run `order-factory init`"):
        order_factory("1001")


def test_logs_hold_no_personal_data(shop, caplog):
    customer = shop.customer(email="secret.person@shop.example")
    source = shop.order(
        customer_id=customer,
        customer_email="secret.person@shop.example",
        payment_source_id=shop.payment_source(wallet_of=customer, payment_source_token="pm_secret"),
    )

    with caplog.at_level(logging.DEBUG):
        order_factory(shop.number_of(source), metadata={"note": "private words"})
        with pytest.raises(InvalidRequest):
            order_factory(shop.number_of(source), metadata={"note": "private words"}, reference="")

    assert "secret" not in caplog.text
    assert "private words" not in caplog.text
