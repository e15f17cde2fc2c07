"""Placing in flows: a run ends as its payment does, and unanswered payments continue later."""

import json
import logging
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.drain_order_factories import drain_order_factories
from order_factory.flows.order_factory import order_factory
from order_factory.gateways.registry import forget_gateways
from order_factory.models.errors import PaymentUnknown
from order_factory.models.results.copies import BatchUnfinished, OrderFactoryFailed
from order_factory.models.tables import (
    CopyError,
    Order,
    OrderFactory,
    PaymentSource,
    StockItem,
    Transaction,
)
from order_factory.models.values.statuses import Mode
from tests.support.copying import change, read_database, request_copy
from tests.support.paying import make_payable_order

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect", "ledger")]

SECRETS = ("SECRET", "tok_", "cus_", "sk_test")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_one_order_is_paid_and_placed(shop, ledger):
    number = shop.number_of(make_payable_order(shop))

    result = order_factory(number, place_target_order=True)

    assert result.target_order is not None
    assert (result.status, result.target_order.status) == ("completed", "placed")
    assert ledger.charges() == [("authorize", 12_50)]


def test_a_declined_payment_fails_the_run_with_its_reason(shop):
    number = shop.number_of(make_payable_order(shop, "tok_decline_insufficient_funds"))

    with pytest.raises(OrderFactoryFailed, match="Your card has insufficient funds"):
        order_factory(number, place_target_order=True)


def test_the_same_factory_continues_after_a_missing_gateway_answer(shop, ledger):
    number = shop.number_of(make_payable_order(shop, "tok_unreachable"))
    with pytest.raises(PaymentUnknown, match="stays in placing.*--order-factory-id") as unknown:
        order_factory(number, place_target_order=True)
    saved = [row.id for row in shop.rows(PaymentSource)]
    change(PaymentSource, saved, payment_source_token="tok_approve")

    result = order_factory(order_factory_id=unknown.value.args[0])

    assert result.target_order is not None
    assert (result.status, result.target_order.status) == ("completed", "placed")
    assert len(shop.rows(OrderFactory)) == 1
    assert ledger.charges() == [("authorize", 12_50)]


def test_a_batch_without_gateway_answers_can_be_resumed(shop, ledger):
    tokens = ["tok_approve", "tok_timeout_before", "tok_decline"]
    numbers = [shop.number_of(make_payable_order(shop, token)) for token in tokens]
    with pytest.raises(BatchUnfinished, match="1 of 3 copies are not finished .*placing") as left:
        bulk_order_factory(numbers, "night", place_target_order=True)
    assert (left.value.result.completed, left.value.result.failed) == (1, 1)
    change(
        PaymentSource,
        [row.id for row in shop.rows(PaymentSource, payment_source_token="tok_timeout_before")],
        payment_source_token="tok_approve",
    )

    result = bulk_order_factory(reference="night")

    assert (result.completed, result.failed, result.in_progress) == (2, 1, 0)
    assert result.copied_in_this_run == 1
    assert ledger.charges() == [("authorize", 12_50)] * 2


def test_a_dry_run_calls_no_gateway_and_changes_nothing(shop, ledger):
    numbers = [
        shop.number_of(make_payable_order(shop, token)) for token in ("tok_1", "tok_unreachable")
    ]
    before = read_database()

    result = bulk_order_factory(numbers, place_target_order=True, dry_run=True)

    assert (result.completed, result.failed, result.in_progress) == (2, 0, 0)
    assert read_database() == before
    assert not ledger.file.exists()


def test_copies_requested_over_http_are_paid_too(shop):
    request_copy(make_payable_order(shop), place_target_order=True)

    assert drain_order_factories() == 1
    assert [order.status for order in shop.rows(Order)] == ["placed", "placed"]
    assert shop.row(StockItem).reserved == 0


def test_no_secret_is_shown_anywhere(shop, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ORDER_FACTORY_STRIPE_API_KEY", "sk_test_SECRET")
    monkeypatch.setenv("ORDER_FACTORY_STRIPE_API_BASE", "http://127.0.0.1:9")
    forget_gateways()
    ends = ["approve", "decline", "timeout_after", "timeout_before", "unreachable"]
    sources = [make_payable_order(shop, f"tok_{end}_SECRET", mode="test") for end in ends]
    sources.append(make_payable_order(shop, "pm_SECRET", gateway="stripe", mode="test"))
    change(PaymentSource, [row.id for row in shop.rows(PaymentSource)], customer_token="cus_SECRET")
    numbers = [shop.number_of(source) for source in sources]

    texts = [repr(order_factory(numbers[0], mode=Mode.TEST, place_target_order=True))]
    for number in (numbers[1], numbers[4]):
        with pytest.raises((OrderFactoryFailed, PaymentUnknown)) as failure:
            order_factory(number, mode=Mode.TEST, place_target_order=True)
        texts.append(repr(failure.value) + str(failure.value))
    with pytest.raises(BatchUnfinished) as unfinished:
        bulk_order_factory(numbers, "night", mode=Mode.TEST, place_target_order=True)
    texts.append(repr(unfinished.value) + str(unfinished.value))

    texts.append(caplog.text)
    texts += [path.read_text() for path in Path("var/reports").iterdir()]
    texts += [str(row) for row in shop.rows(CopyError)]
    texts += [f"{row.message} {row.error_code}" for row in shop.rows(Transaction)]
    texts += [str(row.errors_log) for row in shop.rows(OrderFactory)]
    texts += read_prefect()
    everything = "\n".join(texts)
    assert "night" in everything
    assert [secret for secret in SECRETS if secret in everything] == []


def read_prefect():
    """The data on Prefect's server: runs with their states, logs, artifacts, events."""
    with get_client(sync_client=True) as client:
        answers = [
            client.request("POST", path, json={"limit": 50})
            for path in (
                "/flow_runs/filter",
                "/task_runs/filter",
                "/logs/filter",
                "/artifacts/filter",
                "/events/filter",
            )
        ]
    return [json.dumps(answer.json()) for answer in answers]
