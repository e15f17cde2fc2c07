"""The gateway `test`: moves no money, and answers as the token of the payment source says."""

from time import sleep

from order_factory.gateways.ledger import Ledger
from order_factory.gateways.protocol import Answer, Asked, GatewayTimedOut, GatewayUnreachable

DECLINED = "tok_decline"
TIMES_OUT_AFTER = "tok_timeout_after"
TIMES_OUT_BEFORE = "tok_timeout_before"
TIMES_OUT_BEFORE_ONCE = "tok_timeout_before_once"
UNREACHABLE = "tok_unreachable"
VOID_FAILS = "tok_void_fails"

_REASONS = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "authentication_required": "The bank asks the customer to confirm the payment.",
}


class TestGateway:
    """Deterministic: the token of the payment source decides, and any other token is approved.

    `tok_decline` is declined; `tok_decline_insufficient_funds` (or another of the reasons) for
    that reason. `tok_timeout_after` is done, but its first call times out; `tok_timeout_before`
    always times out and is not done; `tok_timeout_before_once` only the first time.
    `tok_unreachable` is never reached. An authorization of `tok_void_fails` cannot be voided.
    A longer token that begins with one of these behaves the same.
    """

    __test__ = False  # the name is no test's
    name = "test"

    def __init__(self, latency_ms: int = 0, ledger: str | None = None) -> None:
        self._latency = latency_ms / 1000
        self._ledger = Ledger(ledger)

    def authorize(self, asked: Asked) -> Answer:
        token = asked.payment_source_token or ""
        nth = self._reached("authorize", asked, token)
        if token.startswith(TIMES_OUT_BEFORE):
            once = token.startswith(TIMES_OUT_BEFORE_ONCE)
            if nth == 1 or not once:
                raise GatewayTimedOut(self.name, "did not answer in time")
        if token.startswith(DECLINED):
            answer = _declined(token)
        else:
            answer = Answer(succeeded=True, token=f"test_{token}_{asked.idempotency_key}")
        done = self._ledger.do("authorize", asked, answer)
        if token.startswith(TIMES_OUT_AFTER) and nth == 1:
            raise GatewayTimedOut(self.name, "did not answer in time")
        return done

    def capture(self, asked: Asked) -> Answer:
        return self._follow_up("capture", asked)

    def void(self, asked: Asked) -> Answer:
        return self._follow_up("void", asked)

    def lookup(self, asked: Asked) -> Answer | None:
        self._reached("lookup", asked, asked.payment_source_token or "")
        return self._ledger.find(asked)

    def _follow_up(self, kind: str, asked: Asked) -> Answer:
        token = asked.authorization_token or ""
        self._reached(kind, asked, token)
        if kind == "void" and VOID_FAILS in token:
            refusal = "The authorization cannot be voided any more."
            answer = Answer(False, error_code="cannot_be_voided", message=refusal)
        else:
            answer = Answer(succeeded=True, token=f"{token}_{kind}")
        return self._ledger.do(kind, asked, answer)

    def _reached(self, kind: str, asked: Asked, token: str) -> int:
        """Take the time that a call takes; how many of this kind came under the key."""
        sleep(self._latency)
        if token.startswith(UNREACHABLE):
            raise GatewayUnreachable(self.name, "cannot be reached")
        return self._ledger.note_call(kind, asked)


def _declined(token: str) -> Answer:
    named = token.removeprefix(DECLINED).strip("_")
    code = named if named in _REASONS else "card_declined"
    return Answer(succeeded=False, error_code=code, message=_REASONS[code])
