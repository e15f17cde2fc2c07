"""The gateway `stripe`: off-session payment intents on a saved payment method.

An authorization is a payment intent that is confirmed and not captured (`capture_method`
`manual`). Source: Stripe's API reference, payment intents and idempotent requests.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe

from order_factory.gateways.failure_classes import FailureClass, list_codes
from order_factory.gateways.protocol import (
    Answer,
    GatewayError,
    GatewayMisconfigured,
    GatewayRequest,
    GatewayTimedOut,
    GatewayUnreachable,
)
from order_factory.gateways.settings import StripeSettings
from order_factory.gateways.stripe_amounts import AmountNotSupported, convert_to_stripe_amount

# This module is written for this version of Stripe's API. The account may have another default.
API_VERSION = "2026-10-28.endive"
KEY = "order_factory_key"
# At DEBUG the library logs its requests, and with them tokens of cards and customers.
_LIBRARY_LOG = logging.getLogger("stripe")
_HELD_STATUSES = ("requires_capture", "succeeded")
_ASK_CUSTOMER = {*list_codes(FailureClass.NEEDS_CUSTOMER), "requires_action"}


class StripeGateway:
    """Needs an API key. For the amounts see `order_factory.gateways.stripe_amounts`."""

    name = "stripe"

    def __init__(self, settings: StripeSettings) -> None:
        assert settings.api_key is not None
        _LIBRARY_LOG.addFilter(_is_above_debug)
        addresses: Any = {"api": settings.api_base} if settings.api_base else None
        client = stripe.StripeClient(
            settings.api_key.get_secret_value(),
            stripe_version=API_VERSION,
            base_addresses=addresses,
            max_network_retries=0,  # `order_factory.gateways.calling` decides about retries
            http_client=stripe.RequestsClient(timeout=settings.timeout_seconds),
        )
        self._intents, self._refunds = client.v1.payment_intents, client.v1.refunds

    def authorize(self, request: GatewayRequest) -> Answer:
        if not request.payment_source_token:
            return _refuse_missing_method()
        params: dict[str, Any] = {
            "currency": request.currency_code.lower(),
            "payment_method": request.payment_source_token,
            "capture_method": "manual",
            "confirm": True,
            "off_session": True,
            "metadata": {"order": request.order, KEY: request.idempotency_key},
        }
        if request.customer_token:
            params["customer"] = request.customer_token
        with self._translate_errors() as refused:
            params["amount"] = _convert_amount(request)
            intent = self._intents.create(params, _make_options(request))  # type: ignore[arg-type]
            return self._convert_authorization(intent)
        return refused[0]

    def capture(self, request: GatewayRequest) -> Answer:
        with self._translate_errors() as refused:
            params: Any = {"amount_to_capture": _convert_amount(request)}
            intent = self._intents.capture(_read_intent_id(request), params, _make_options(request))
            return _convert_intent(intent, "succeeded")
        return refused[0]

    def void(self, request: GatewayRequest) -> Answer:
        with self._translate_errors() as refused:
            intent = self._intents.cancel(_read_intent_id(request), None, _make_options(request))
            return _convert_intent(intent, "canceled")
        return refused[0]

    def refund(self, request: GatewayRequest) -> Answer:
        params: Any = {
            "payment_intent": request.capture_token,
            "metadata": {"order": request.order, KEY: request.idempotency_key},
        }
        with self._translate_errors() as refused:
            params["amount"] = _convert_amount(request)
            return _convert_refund(self._refunds.create(params, _make_options(request)))
        return refused[0]

    def lookup(self, request: GatewayRequest) -> Answer | None:
        with self._translate_errors() as refused:
            if request.call == "refund":
                return self._find_refund(request)
            if request.authorization_token:
                intent = self._intents.retrieve(request.authorization_token)
                done = intent.status == ("canceled" if request.call == "void" else "succeeded")
                return Answer(succeeded=True, token=intent.id) if done else None
            # For a day, Stripe gives a repeated key its first answer. The search finds requests
            # older than a minute. Together they prevent a second charge.
            query = f"metadata['{KEY}']:'{request.idempotency_key}'"
            for intent in self._intents.search({"query": query}).data:
                return self._convert_authorization(intent)
            return None
        # A refused search does not prove that nothing was done.
        reason = refused[0].error_code
        raise GatewayError(self.name, f"does not say what was done under the key ({reason})")

    def _find_refund(self, request: GatewayRequest) -> Answer | None:
        params: Any = {"payment_intent": request.capture_token, "limit": 100}
        for refund in self._refunds.list(params).auto_paging_iter():
            metadata: Any = refund.metadata or {}
            if KEY in metadata and metadata[KEY] == request.idempotency_key:
                return _convert_refund(refund)
        return None

    def _convert_authorization(self, intent: Any) -> Answer:
        if intent.status in _HELD_STATUSES:
            return Answer(succeeded=True, token=intent.id)
        if intent.status == "processing":
            raise GatewayTimedOut(self.name, "has not decided yet")
        code = getattr(intent.last_payment_error, "code", None) or intent.status
        action = _read_customer_action(intent) if code in _ASK_CUSTOMER else None
        return Answer(False, intent.id, code, _choose_message(code), action)

    @contextmanager
    def _translate_errors(self) -> Iterator[list[Answer]]:
        """Turn an error of Stripe's library into a refusal in the list or a `GatewayError`.

        Stripe's messages may quote the payment method, so our own message replaces them.
        """
        refused: list[Answer] = []
        try:
            yield refused
        except AmountNotSupported as error:
            refused.append(Answer(False, error_code=error.code, message=error.message))
        except stripe.CardError as error:
            code = getattr(error.error, "decline_code", None) or error.code or "card_declined"
            intent = getattr(error.error, "payment_intent", None)
            action = _read_customer_action(intent) if {code, error.code} & _ASK_CUSTOMER else None
            token = None if action is None else _read_member(intent, "id")
            refused.append(Answer(False, token, code, _choose_message(code), action))
        except stripe.RateLimitError:
            raise GatewayUnreachable(self.name, "accepts no more calls now") from None
        except (stripe.AuthenticationError, stripe.PermissionError):
            raise GatewayMisconfigured(self.name, "does not accept the API key") from None
        except stripe.InvalidRequestError as error:
            code = error.code or "invalid_request"
            refused.append(Answer(succeeded=False, error_code=code, message=_choose_message(code)))
        except stripe.APIConnectionError:
            raise GatewayTimedOut(self.name, "cannot be reached") from None
        except stripe.StripeError:
            raise GatewayTimedOut(
                self.name, "did not say whether it carried out the request"
            ) from None


def _is_above_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


def _convert_amount(request: GatewayRequest) -> int:
    return convert_to_stripe_amount(request.amount_cents, request.currency_code)


def _make_options(request: GatewayRequest) -> Any:
    return {"idempotency_key": request.idempotency_key}


def _read_intent_id(request: GatewayRequest) -> str:
    assert request.authorization_token is not None
    return request.authorization_token


def _convert_intent(intent: Any, expected_status: str) -> Answer:
    if intent.status == expected_status:
        return Answer(succeeded=True, token=intent.id)
    code = str(intent.status)
    return Answer(succeeded=False, error_code=code, message=_choose_message(code))


def _convert_refund(refund: Any) -> Answer:
    # A refund that is `pending` is on its way; Stripe reports it if it fails later.
    if refund.status in ("succeeded", "pending"):
        return Answer(succeeded=True, token=refund.id)
    code = getattr(refund, "failure_reason", None) or str(refund.status)
    return Answer(succeeded=False, token=refund.id, error_code=code, message=_choose_message(code))


def _read_customer_action(intent: Any) -> str | None:
    """Return the link on which the customer confirms, or the client secret for Stripe.js."""
    if intent is None:
        return None
    redirect = _read_member(_read_member(intent, "next_action"), "redirect_to_url")
    action = _read_member(redirect, "url") or _read_member(intent, "client_secret")
    return None if action is None else str(action)


def _read_member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _refuse_missing_method() -> Answer:
    code = "payment_method_missing"
    return Answer(succeeded=False, error_code=code, message=_choose_message(code))


_MESSAGES = {
    "payment_method_missing": "The payment source names no payment method.",
    "resource_missing": "The saved payment method does not exist any more.",
    "authentication_required": "The bank asks the customer to confirm the payment.",
    "requires_action": "The bank asks the customer to confirm the payment.",
    "insufficient_funds": "The card has insufficient funds.",
    "expired_card": "The card has expired.",
    "requires_payment_method": "The card was declined.",
    "card_declined": "The card was declined.",
    "generic_decline": "The card was declined.",
    "charge_already_refunded": "The payment was refunded already.",
}


def _choose_message(code: str) -> str:
    return _MESSAGES.get(code) or f"The payment was refused ({code.replace('_', ' ')})."
