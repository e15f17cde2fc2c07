"""Calls to a gateway: retried only where that is safe, and within the gateway's limits."""

from threading import Lock
from time import monotonic, sleep

import pytest

from order_factory.gateways.calling import TRIES, call_gateway
from order_factory.gateways.limits import CallLimits
from order_factory.gateways.protocol import (
    Answer,
    GatewayMisconfigured,
    GatewayRequest,
    GatewayTimedOut,
    GatewayUnreachable,
)
from tests.support.at_once import run_together

REQUEST = GatewayRequest("key", 1_00, "EUR", "order", payment_source_token="tok_secret")
YES = Answer(succeeded=True, token="token_secret")


class ScriptedGateway:
    """A gateway that follows a script: each call gives the next answer or raises the next error."""

    name = "scripted"

    def __init__(self, *script):
        self.script = list(script)
        self.called = []

    def authorize(self, request):
        return self._next("authorize")

    def lookup(self, request):
        return self._next("lookup")

    def _next(self, kind):
        self.called.append(kind)
        outcome = self.script.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("order_factory.gateways.calling.FIRST_PAUSE", 0.0)


def authorize(gateway, perhaps_done=False):
    limits = CallLimits(1, 0)
    return call_gateway(gateway, limits, gateway.authorize, REQUEST, perhaps_done=perhaps_done)


UNREACHABLE = GatewayUnreachable("scripted", "cannot be reached")
TIMED_OUT = GatewayTimedOut("scripted", "did not answer in time")


@pytest.mark.parametrize(
    ("script", "perhaps_done", "calls"),
    [
        ([YES], False, ["authorize"]),
        ([UNREACHABLE, YES], False, ["authorize", "authorize"]),
        ([TIMED_OUT, YES], False, ["authorize", "lookup"]),
        ([TIMED_OUT, None, YES], False, ["authorize", "lookup", "authorize"]),
        ([YES], True, ["lookup"]),
        ([None, YES], True, ["lookup", "authorize"]),
        ([TIMED_OUT, UNREACHABLE, YES], False, ["authorize", "lookup", "lookup"]),
    ],
)
def test_a_request_that_may_have_been_carried_out_is_looked_up_first(script, perhaps_done, calls):
    gateway = ScriptedGateway(*script)

    assert authorize(gateway, perhaps_done) == YES
    assert gateway.called == calls


def test_a_call_fails_after_the_last_retry():
    gateway = ScriptedGateway(*[UNREACHABLE] * TRIES)

    with pytest.raises(GatewayUnreachable):
        authorize(gateway)
    assert gateway.called == ["authorize"] * TRIES


@pytest.mark.parametrize(
    "final", [Answer(False, message="no"), GatewayMisconfigured("scripted", "has no key")]
)
def test_a_final_answer_or_error_is_not_retried(final):
    gateway = ScriptedGateway(final)

    if isinstance(final, Exception):
        with pytest.raises(GatewayMisconfigured):
            authorize(gateway)
    else:
        assert authorize(gateway) == final
    assert gateway.called == ["authorize"]


def test_requests_and_answers_do_not_show_tokens():
    assert "secret" not in f"{REQUEST} {REQUEST!r} {YES} {YES!r}"


def test_calls_at_the_same_time_are_limited():
    limits, lock, now, most = CallLimits(3, 0), Lock(), 0, 0

    def call():
        nonlocal now, most
        with limits:
            with lock:
                now += 1
                most = max(most, now)
            sleep(0.01)
            with lock:
                now -= 1

    run_together(*[call] * 12)

    assert most == 3


def test_calls_per_second_are_limited():
    limits, began = CallLimits(20, 100), []

    def call():
        with limits:
            began.append(monotonic())

    run_together(*[call] * 20)

    # The calls of a tenth of a second may begin together: 10 of the 20.
    assert max(began) - min(began) >= 0.09
