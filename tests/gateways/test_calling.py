"""Calls to a gateway: asked again only where that is safe, and never beyond its limits."""

from threading import Lock
from time import monotonic, sleep

import pytest

from order_factory.gateways.calling import TRIES, ask
from order_factory.gateways.limits import CallLimits
from order_factory.gateways.protocol import (
    Answer,
    Asked,
    GatewayMisconfigured,
    GatewayTimedOut,
    GatewayUnreachable,
)
from tests.support.at_once import at_once

ASKED = Asked("key", 1_00, "EUR", "order", payment_source_token="tok_secret")
YES = Answer(succeeded=True, token="token_secret")


class Scripted:
    """A gateway that does what it is told, in turn: an answer, or an error to raise."""

    name = "scripted"

    def __init__(self, *script):
        self.script = list(script)
        self.called = []

    def authorize(self, asked):
        return self._next("authorize")

    def lookup(self, asked):
        return self._next("lookup")

    def _next(self, kind):
        self.called.append(kind)
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("order_factory.gateways.calling.FIRST_PAUSE", 0.0)


def authorize(gateway, perhaps_done=False):
    limits = CallLimits(1, 0)
    return ask(gateway, limits, gateway.authorize, ASKED, perhaps_done=perhaps_done)


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
def test_it_is_looked_up_wherever_it_may_have_been_done(script, perhaps_done, calls):
    gateway = Scripted(*script)

    assert authorize(gateway, perhaps_done) == YES
    assert gateway.called == calls


def test_it_gives_up_after_a_few_tries():
    gateway = Scripted(*[UNREACHABLE] * TRIES)

    with pytest.raises(GatewayUnreachable):
        authorize(gateway)
    assert gateway.called == ["authorize"] * TRIES


@pytest.mark.parametrize(
    "final", [Answer(False, message="no"), GatewayMisconfigured("scripted", "has no key")]
)
def test_what_will_not_change_is_not_asked_again(final):
    gateway = Scripted(final)

    if isinstance(final, Exception):
        with pytest.raises(GatewayMisconfigured):
            authorize(gateway)
    else:
        assert authorize(gateway) == final
    assert gateway.called == ["authorize"]


def test_no_token_is_shown():
    assert "secret" not in f"{ASKED} {ASKED!r} {YES} {YES!r}"


def test_no_more_calls_at_a_time_than_allowed():
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

    at_once(*[call] * 12)

    assert most == 3


def test_calls_begin_no_faster_than_allowed():
    limits, began = CallLimits(20, 100), []

    def call():
        with limits:
            began.append(monotonic())

    at_once(*[call] * 20)

    # A tenth of a second's worth may begin at once: 10 of the 20.
    assert max(began) - min(began) >= 0.09
