"""The gateway `test`: it moves no money. The token of the payment source decides its answer."""

from dataclasses import replace
from time import sleep

from order_factory.gateways.ledger import Ledger
from order_factory.gateways.protocol import (
    Answer,
    GatewayRequest,
    GatewayTimedOut,
    GatewayUnreachable,
)

DECLINED = "tok_decline"
TIMES_OUT_AFTER = "tok_timeout_after"
TIMES_OUT_BEFORE = "tok_timeout_before"
TIMES_OUT_BEFORE_ONCE = "tok_timeout_before_once"
UNREACHABLE = "tok_unreachable"
VOID_FAILS = "tok_void_fails"
CAPTURE_FAILS = "tok_capture_fails"
REFUND_FAILS = "tok_refund_fails"

CONFIRMS = "authentication_required"

_REASONS = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    CONFIRMS: "The bank asks the customer to confirm the payment.",
}

# What cannot be done, by the token of the payment source.
_REFUSALS = {
    "void": {VOID_FAILS: ("cannot_be_voided", "The authorization cannot be voided any more.")},
    "capture": {CAPTURE_FAILS: ("cannot_be_captured", "The authorization has expired.")},
    "refund": {REFUND_FAILS: ("cannot_be_refunded", "The payment cannot be refunded any more.")},
}


class TestGateway:
    """A gateway for tests. Every token is approved but these, and longer ones that begin so.

    `tok_decline` is declined, `tok_decline_insufficient_funds` (or another reason) with that
    reason. `tok_timeout_after` is carried out, but its first call times out. `tok_timeout_before`
    always times out and is not carried out; `tok_timeout_before_once` only the first time.
    `tok_unreachable` cannot be reached. An authorization of `tok_void_fails` cannot be voided,
    one of `tok_capture_fails` not captured, and the capture of one of `tok_refund_fails` not
    refunded.
    """

    __test__ = False  # the name is no test's
    name = "test"

    def __init__(self, latency_ms: int = 0, ledger: str | None = None) -> None:
        self._latency = latency_ms / 1000
        self._ledger = Ledger(ledger)

    def authorize(self, request: GatewayRequest) -> Answer:
        token = request.payment_source_token or ""
        nth = self._count_call("authorize", request, token)
        if token.startswith(TIMES_OUT_BEFORE):
            once = token.startswith(TIMES_OUT_BEFORE_ONCE)
            if nth == 1 or not once:
                raise GatewayTimedOut(self.name, "did not answer in time")
        if token.startswith(DECLINED):
            answer = _decline(token, request)
        else:
            answer = Answer(succeeded=True, token=f"test_{token}_{request.idempotency_key}")
        done = _add_action(self._ledger.do("authorize", request, answer), request)
        if token.startswith(TIMES_OUT_AFTER) and nth == 1:
            raise GatewayTimedOut(self.name, "did not answer in time")
        return done

    def capture(self, request: GatewayRequest) -> Answer:
        return self._follow_up("capture", request)

    def void(self, request: GatewayRequest) -> Answer:
        return self._follow_up("void", request)

    def refund(self, request: GatewayRequest) -> Answer:
        return self._follow_up("refund", request)

    def lookup(self, request: GatewayRequest) -> Answer | None:
        self._count_call("lookup", request, request.payment_source_token or "")
        known = self._ledger.find(request)
        return None if known is None else _add_action(known, request)

    def _follow_up(self, kind: str, request: GatewayRequest) -> Answer:
        token = request.capture_token or request.authorization_token or ""
        self._count_call(kind, request, token)
        refused = next((each for each in _REFUSALS[kind] if each in token), None)
        if refused is not None:
            code, refusal = _REFUSALS[kind][refused]
            answer = Answer(False, error_code=code, message=refusal)
        else:
            answer = Answer(succeeded=True, token=f"{token}_{kind}")
        return self._ledger.do(kind, request, answer)

    def _count_call(self, kind: str, request: GatewayRequest, token: str) -> int:
        """Wait as long as a call takes. Returns the number of calls of this kind under the key."""
        sleep(self._latency)
        if token.startswith(UNREACHABLE):
            raise GatewayUnreachable(self.name, "cannot be reached")
        return self._ledger.note_call(kind, request)


def _decline(token: str, request: GatewayRequest) -> Answer:
    named = token.removeprefix(DECLINED).strip("_")
    code = next((each for each in _REASONS if named.startswith(each)), "card_declined")
    # What the customer may confirm is there to be cancelled.
    own = f"test_{token}_{request.idempotency_key}" if code == CONFIRMS else None
    return Answer(succeeded=False, token=own, error_code=code, message=_REASONS[code])


def _add_action(answer: Answer, request: GatewayRequest) -> Answer:
    """Return the answer, with a link that does nothing if the customer would have to confirm."""
    if answer.error_code != CONFIRMS:
        return answer
    return replace(answer, customer_action=f"https://gateway.invalid/{request.idempotency_key}")
