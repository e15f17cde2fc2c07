"""A simulated Stripe API: payment intents over HTTP, with the checks that Stripe makes.

Written after Stripe's API reference (payment intents, idempotent requests, versioning), since no
account can be reached from a test.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEY = "sk_test_stand_in"
DECLINES = {
    "pm_declined": "card_declined",
    "pm_poor": "insufficient_funds",
    "pm_asks": "authentication_required",
}


@dataclass
class StripeStandIn:
    """Answers like Stripe, and records requests. `fail_next` are the statuses to answer first."""

    url: str = ""
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, tuple[int, Any, bytes]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    versions: set[str | None] = field(default_factory=set)
    fail_next: list[int] = field(default_factory=list)
    captured: list[str] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def create(self, given: dict[str, str]) -> tuple[int, Any]:
        method = given["payment_method"]
        if method == "pm_gone":
            message = {"code": "resource_missing", "message": f"No such PaymentMethod: '{method}'"}
            return 400, {"error": {"type": "invalid_request_error", **message}}
        name = f"pi_{len(self.intents) + 1}"
        metadata = _read_metadata(given)
        intent = {
            "id": name,
            "object": "payment_intent",
            "amount": int(given["amount"]),
            "currency": given["currency"],
            "customer": given.get("customer"),
            "capture_method": given["capture_method"],
            "off_session": given["off_session"],
            "confirm": given["confirm"],
            "payment_method": method,
            "metadata": metadata,
            "last_payment_error": None,
            "status": "requires_capture",
        }
        self.intents[name] = intent
        if method in DECLINES:
            code = DECLINES[method]
            intent["status"] = "requires_payment_method"
            kind = "card_declined" if code != "authentication_required" else code
            intent["client_secret"] = f"{name}_secret"
            intent["last_payment_error"] = {"code": kind, "decline_code": code}
            message = {"code": kind, "decline_code": code, "message": f"{method}: no"}
            of_intent = {"payment_intent": intent}
            return 402, {"error": {"type": "card_error", **message, **of_intent}}
        return 200, intent

    def change(self, name: str, status: str) -> tuple[int, Any]:
        intent = self.intents[name]
        if intent["status"] != "requires_capture":
            message = {"code": "payment_intent_unexpected_state", "message": "no"}
            return 400, {"error": {"type": "invalid_request_error", **message}}
        intent["status"] = status
        return 200, intent

    def refund(self, given: dict[str, str]) -> tuple[int, Any]:
        """Refund an amount, at most the captured one."""
        intent = self.intents[given["payment_intent"]]
        amount = int(given["amount"])
        done = [each for each in self.refunds if each["payment_intent"] == intent["id"]]
        if intent["status"] != "succeeded":
            message = {"code": "charge_not_captured", "message": "no"}
            return 400, {"error": {"type": "invalid_request_error", **message}}
        if sum(each["amount"] for each in done) + amount > intent["amount"]:
            message = {"code": "charge_already_refunded", "message": "no"}
            return 400, {"error": {"type": "invalid_request_error", **message}}
        refund = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": amount,
            "payment_intent": intent["id"],
            "metadata": _read_metadata(given),
            "status": "succeeded",
        }
        self.refunds.append(refund)
        return 200, refund

    def list_refunds(self, intent: str) -> tuple[int, Any]:
        matching = [each for each in self.refunds if each["payment_intent"] == intent]
        return 200, {"object": "list", "data": matching, "has_more": False, "url": "/v1/refunds"}

    def search(self, query: str) -> tuple[int, Any]:
        key = query.split(":'")[1].rstrip("'")
        matching = [
            each
            for each in self.intents.values()
            if each["metadata"].get("order_factory_key") == key
        ]
        return 200, {"object": "search_result", "data": matching, "has_more": False}

    def route(self, verb: str, path: str, given: dict[str, str]) -> tuple[int, Any]:
        _, _, kind, *segments = path.split("/")
        if kind == "refunds":
            made = self.refund(given) if verb == "POST" else None
            return made or self.list_refunds(given["payment_intent"])
        if verb == "POST" and not segments:
            return self.create(given)
        if verb == "POST":
            if segments[1] == "capture":
                self.captured.append(given["amount_to_capture"])
            return self.change(
                segments[0], {"capture": "succeeded", "cancel": "canceled"}[segments[1]]
            )
        return (
            self.search(given["query"])
            if segments == ["search"]
            else (200, self.intents[segments[0]])
        )


def _read_metadata(given: dict[str, str]) -> dict[str, str]:
    return {key[9:-1]: it for key, it in given.items() if key.startswith("metadata[")}


def _make_handler(stand_in: StripeStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self, verb: str) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = dict(parse_qsl(body.decode() or url.query))
            with stand_in.lock:
                status, message = self._decide(verb, url.path, given, body)
            content = json.dumps(message).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _decide(
            self, verb: str, path: str, given: dict[str, str], body: bytes
        ) -> tuple[int, Any]:
            stand_in.requests[verb] += 1
            stand_in.versions.add(self.headers.get("Stripe-Version"))
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                return 401, {"error": {"type": "invalid_request_error", "message": KEY}}
            key = self.headers.get("Idempotency-Key")
            if verb == "POST" and not key:
                return 400, {"error": {"type": "invalid_request_error", "message": "no key"}}
            if key in stand_in.answers:
                status, message, first = stand_in.answers[key]
                if first != body:
                    return 400, {"error": {"type": "idempotency_error", "message": "differs"}}
                return status, message
            if stand_in.fail_next and (failing := stand_in.fail_next.pop(0)) < 600:
                kinds = {429: "rate_limit_error", 402: "card_error"}
                refused = "invalid_request_error" if failing < 500 else "api_error"
                kind = kinds.get(failing, refused)
                return failing, {"error": {"type": kind, "message": "no"}}
            status, message = stand_in.route(verb, path, given)
            if verb == "POST":
                stand_in.answers[str(key)] = (status, message, body)
            return status, message

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def log_message(self, *_told: Any) -> None:
            pass

    return Handler


@contextmanager
def run_stripe_stand_in() -> Iterator[StripeStandIn]:
    """Run a stand-in in a thread."""
    stand_in = StripeStandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(stand_in))
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
