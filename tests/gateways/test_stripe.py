"""The gateway `stripe`, with the official library and a simulated Stripe that checks requests."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from order_factory.gateways.protocol import (
    GatewayError,
    GatewayMisconfigured,
    GatewayRequest,
    GatewayTimedOut,
    GatewayUnreachable,
)
from order_factory.gateways.registry import forget_gateways
from order_factory.gateways.settings import StripeSettings
from order_factory.gateways.stripe import API_VERSION, StripeGateway
from order_factory.models.tables import Order, Transaction
from tests.support.copying import target_of
from tests.support.paying import make_payable_order, place
from tests.support.stripe_stand_in import KEY, run_stripe_stand_in

REQUEST = GatewayRequest("key-1", 12_50, "EUR", "nZqgXrcnJx", "cus_1", "pm_1")


@pytest.fixture
def stand_in():
    with run_stripe_stand_in() as running:
        yield running


@pytest.fixture
def gateway(stand_in):
    return StripeGateway(StripeSettings(api_key=SecretStr(KEY), api_base=stand_in.url))


def test_an_authorization_is_a_confirmed_intent_that_is_not_captured(gateway, stand_in):
    answer = gateway.authorize(REQUEST)

    (intent,) = stand_in.intents.values()
    assert (answer.succeeded, answer.token) == (True, "pi_1")
    assert (intent["amount"], intent["currency"], intent["customer"]) == (12_50, "eur", "cus_1")
    assert (intent["payment_method"], intent["capture_method"]) == ("pm_1", "manual")
    assert (intent["off_session"], intent["confirm"]) == ("true", "true")
    assert intent["metadata"] == {"order": "nZqgXrcnJx", "order_factory_key": "key-1"}
    assert stand_in.versions == {API_VERSION}


def test_a_repeated_key_gets_the_first_answer_and_makes_no_second_intent(gateway, stand_in):
    assert gateway.authorize(REQUEST) == gateway.authorize(REQUEST)

    assert len(stand_in.intents) == 1


def test_a_request_is_found_by_its_key(gateway):
    assert gateway.lookup(REQUEST) is None

    done = gateway.authorize(REQUEST)

    assert gateway.lookup(REQUEST) == done


@pytest.mark.parametrize(
    ("method", "code", "words"),
    [
        ("pm_declined", "card_declined", "The card was declined."),
        ("pm_poor", "insufficient_funds", "The card has insufficient funds."),
        ("pm_gone", "resource_missing", "The saved payment method does not exist any more."),
        (None, "payment_method_missing", "The payment source names no payment method."),
    ],
)
def test_a_refusal_shows_the_reason_and_no_token(gateway, method, code, words):
    answer = gateway.authorize(replace(REQUEST, payment_source_token=method))

    assert (answer.succeeded, answer.error_code, answer.message) == (False, code, words)


def test_the_customer_action_is_not_in_logs(gateway, stand_in):
    answer = gateway.authorize(replace(REQUEST, payment_source_token="pm_asks"))

    assert (answer.succeeded, answer.error_code) == (False, "authentication_required")
    assert answer.customer_action == "pi_1_secret"
    assert "secret" not in repr(answer)
    # As it is once the customer has confirmed it.
    stand_in.intents["pi_1"]["status"] = "requires_capture"
    assert gateway.lookup(REQUEST).succeeded


def test_an_authorization_is_captured_or_voided(gateway, stand_in):
    answers = [
        gateway.authorize(replace(REQUEST, idempotency_key=f"key-{nth}")) for nth in range(2)
    ]
    captured = replace(
        REQUEST, idempotency_key="then-1", authorization_token=answers[0].token, call="capture"
    )
    voided = replace(
        REQUEST, idempotency_key="then-2", authorization_token=answers[1].token, call="void"
    )

    assert gateway.lookup(voided) is None
    assert gateway.capture(captured).succeeded
    assert gateway.void(voided).succeeded
    assert gateway.lookup(voided).succeeded
    assert [each["status"] for each in stand_in.intents.values()] == ["succeeded", "canceled"]
    again = gateway.void(replace(captured, idempotency_key="another"))
    assert (again.succeeded, again.error_code) == (False, "payment_intent_unexpected_state")


def test_a_capture_is_refunded_in_parts_and_never_twice_under_a_key(gateway, stand_in):
    authorization = gateway.authorize(REQUEST)
    refund = replace(
        REQUEST,
        idempotency_key="part-1",
        amount_cents=5_00,
        capture_token=authorization.token,
        call="refund",
    )
    early = gateway.refund(replace(refund, idempotency_key="early"))
    gateway.capture(
        replace(REQUEST, idempotency_key="then", authorization_token=authorization.token)
    )

    assert (early.succeeded, early.error_code) == (False, "charge_not_captured")
    assert gateway.lookup(refund) is None
    done = gateway.refund(refund)
    assert gateway.refund(refund) == done == gateway.lookup(refund)
    assert gateway.refund(replace(refund, idempotency_key="part-2", amount_cents=7_50)).succeeded
    more = gateway.refund(replace(refund, idempotency_key="part-3", amount_cents=1))

    assert [each["amount"] for each in stand_in.refunds] == [5_00, 7_50]
    assert [each["metadata"]["order_factory_key"] for each in stand_in.refunds] == [
        "part-1",
        "part-2",
    ]
    assert (more.succeeded, more.message) == (False, "The payment was refunded already.")


def test_a_part_that_stripe_has_no_coins_for_is_refused(gateway):
    request = replace(REQUEST, currency_code="KWD", amount_cents=1_255, capture_token="pi_1")

    assert not gateway.refund(replace(request, call="refund")).succeeded
    captured = gateway.capture(replace(request, call="capture", authorization_token="pi_1"))
    assert not captured.succeeded


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, GatewayUnreachable), (500, GatewayTimedOut), (503, GatewayTimedOut)],
)
def test_an_error_says_whether_the_request_may_have_been_carried_out(
    gateway, stand_in, status, error
):
    stand_in.fail_next = [status]

    with pytest.raises(error):
        gateway.authorize(REQUEST)


def test_a_wrong_api_key_is_a_settings_error_and_is_not_shown(stand_in):
    wrong = StripeSettings(api_key=SecretStr("sk_test_secret"), api_base=stand_in.url)

    with pytest.raises(GatewayMisconfigured) as refused:
        StripeGateway(wrong).authorize(REQUEST)

    assert "sk_test" not in str(refused.value)


def test_an_unreachable_server_is_reported(gateway, stand_in):
    nowhere = StripeSettings(api_key=SecretStr(KEY), api_base="http://127.0.0.1:9")

    with pytest.raises(GatewayTimedOut, match="cannot be reached"):
        StripeGateway(nowhere).authorize(REQUEST)


def test_copies_are_placed_through_stripe(shop, stand_in, monkeypatch, tests_gateways):
    monkeypatch.setenv("ORDER_FACTORY_STRIPE_API_KEY", KEY)
    monkeypatch.setenv("ORDER_FACTORY_STRIPE_API_BASE", stand_in.url)
    monkeypatch.setenv("ORDER_FACTORY_STRIPE_CALLS_PER_SECOND", "0")
    forget_gateways()
    stand_in.fail_next = [500, 600, 600, 600, 429]
    tokens = ["pm_1", "pm_poor", "pm_2"]
    sources = [make_payable_order(shop, token, gateway="stripe", mode="test") for token in tokens]
    live = make_payable_order(shop, "pm_1", gateway="stripe")

    *ended, barred = place(*sources, live)

    assert [result.status for result in ended] == ["completed", "failed", "completed"]
    assert ended[1].errors_log["payment_source"] == [
        "the payment was declined: The card has insufficient funds."
    ]
    assert barred.errors_log["payment_source"] == [
        "the payment gateway stripe is not set up for live orders"
    ]
    placed = shop.row(Order, id=target_of(ended[0]))
    assert (placed.status, placed.payment_status) == ("placed", "authorized")
    authorized = [
        each for each in stand_in.intents.values() if each["status"] == "requires_capture"
    ]
    assert [each["amount"] for each in authorized] == [12_50, 12_50]
    assert {row.status for row in shop.rows(Transaction)} == {"succeeded", "failed"}


def test_a_refused_lookup_is_an_error(gateway, stand_in):
    stand_in.fail_next = [400, 402, 403, 404, 500]

    for error in (GatewayError, GatewayError, GatewayMisconfigured, GatewayError, GatewayTimedOut):
        with pytest.raises(error):
            gateway.lookup(REQUEST)


def test_a_captured_payment_is_not_found_as_a_void(gateway):
    authorization = gateway.authorize(REQUEST)
    request = replace(REQUEST, authorization_token=authorization.token)
    gateway.capture(replace(request, idempotency_key="capture", call="capture"))

    assert gateway.lookup(replace(request, idempotency_key="void", call="void")) is None
    assert gateway.lookup(replace(request, idempotency_key="capture", call="capture")).succeeded


def test_stripe_gets_the_amount_in_its_own_unit(gateway, stand_in):
    answer = gateway.authorize(replace(REQUEST, amount_cents=5124, currency_code="ISK"))

    (intent,) = stand_in.intents.values()
    assert (intent["amount"], intent["currency"]) == (512400, "isk")
    captured = replace(
        REQUEST,
        amount_cents=5124,
        currency_code="ISK",
        idempotency_key="capture",
        authorization_token=answer.token,
    )
    assert gateway.capture(captured).succeeded
    assert stand_in.captured == ["512400"]


def test_an_amount_that_stripe_does_not_accept_is_refused_without_a_call(gateway, stand_in):
    kwd = gateway.authorize(replace(REQUEST, amount_cents=5124, currency_code="KWD"))
    gold = gateway.authorize(replace(REQUEST, currency_code="XAU"))

    assert (kwd.succeeded, kwd.error_code) == (False, "amount_not_supported")
    steps = "Stripe accepts KWD in steps of 0.010 only. The amount is 5.124 KWD."
    assert kwd.message == steps
    assert (gold.error_code, gold.message) == (
        "currency_not_supported",
        "Stripe accepts no payments in XAU.",
    )
    assert stand_in.requests == {}
