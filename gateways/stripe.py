"""The gateway `stripe`: payment intents on a saved payment method, while the customer is not there.

An authorization is a payment intent that is confirmed and not captured (`capture_method`
`manual`). Source: Stripe's API reference, payment intents and idempotent requests.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe

from order_factory.gateways.protocol import (
    Answer,
    Asked,
    GatewayError,
    GatewayMisconfigured,
    GatewayTimedOut,
    GatewayUnreachable,
)
from order_factory.gateways.settings import StripeSettings
from order_factory.gateways.stripe_amounts import AmountNotTaken, stripe_amount

# The version of Stripe's API that this was written for, whatever the account's default is.
API_VERSION = "2026-10-28.endive"
KEY = "order_factory_key"
# At DEBUG the library logs what it sends, and so the names of cards and customers.
_LIBRARY_LOG = logging.getLogger("stripe")
_HELD = ("requires_capture", "succeeded")


class StripeGateway:
    """Needs an API key. For the amounts see `order_factory.gateways.stripe_amounts`."""

    name = "stripe"

    def __init__(self, settings: StripeSettings) -> None:
        assert settings.api_key is not None
        _LIBRARY_LOG.addFilter(_without_contents)
        addresses: Any = {"api": settings.api_base} if settings.api_base else None
        self._intents = stripe.StripeClient(
            settings.api_key.get_secret_value(),
            stripe_version=API_VERSION,
            base_addresses=addresses,
            max_network_retries=0,  # whether to ask again is decided where the order is known
            http_client=stripe.RequestsClient(timeout=settings.timeout_seconds),
        ).v1.payment_intents

    def authorize(self, asked: Asked) -> Answer:
        if not asked.payment_source_token:
            return _no_payment_method()
        try:
            amount = stripe_amount(asked.amount_cents, asked.currency_code)
        except AmountNotTaken as error:
            return Answer(succeeded=False, error_code=error.code, message=error.message)
        params: dict[str, Any] = {
            "amount": amount,
            "currency": asked.currency_code.lower(),
            "payment_method": asked.payment_source_token,
            "capture_method": "manual",
            "confirm": True,
            "off_session": True,
            "metadata": {"order": asked.order, KEY: asked.idempotency_key},
        }
        if asked.customer_token:
            params["customer"] = asked.customer_token
        with self._telling() as refused:
            intent = self._intents.create(params, _under(asked))  # type: ignore[arg-type]
            return self._authorized(intent)
        return refused[0]

    def capture(self, asked: Asked) -> Answer:
        amount = stripe_amount(asked.amount_cents, asked.currency_code)
        params: Any = {"amount_to_capture": amount}
        with self._telling() as refused:
            intent = self._intents.capture(_intent_of(asked), params, _under(asked))
            return _followed_up(intent, "succeeded")
        return refused[0]

    def void(self, asked: Asked) -> Answer:
        with self._telling() as refused:
            intent = self._intents.cancel(_intent_of(asked), None, _under(asked))
            return _followed_up(intent, "canceled")
        return refused[0]

    def lookup(self, asked: Asked) -> Answer | None:
        with self._telling() as refused:
            if asked.authorization_token:
                intent = self._intents.retrieve(asked.authorization_token)
                done = intent.status == ("canceled" if asked.call == "void" else "succeeded")
                return Answer(succeeded=True, token=intent.id) if done else None
            # Stripe itself answers a repeated key as the first time for a day; the search finds
            # what is older than a minute, so that between them nothing is done twice.
            query = f"metadata['{KEY}']:'{asked.idempotency_key}'"
            for intent in self._intents.search({"query": query}).data:
                return self._authorized(intent)
            return None
        # A search that Stripe refuses does not say that nothing was done.
        reason = refused[0].error_code
        raise GatewayError(self.name, f"does not say what was done under the key ({reason})")

    def _authorized(self, intent: Any) -> Answer:
        if intent.status in _HELD:
            return Answer(succeeded=True, token=intent.id)
        if intent.status == "processing":
            raise GatewayTimedOut(self.name, "has not decided yet")
        code = getattr(intent.last_payment_error, "code", None) or intent.status
        return Answer(succeeded=False, token=intent.id, error_code=code, message=_words(code))

    @contextmanager
    def _telling(self) -> Iterator[list[Answer]]:
        """What Stripe's library raises, as a refusal in the list or as a `GatewayError`.

        Stripe's words may quote the payment method, so they are told by their code.
        """
        refused: list[Answer] = []
        try:
            yield refused
        except stripe.CardError as error:
            code = getattr(error.error, "decline_code", None) or error.code or "card_declined"
            refused.append(Answer(succeeded=False, error_code=code, message=_words(code)))
        except stripe.RateLimitError:
            raise GatewayUnreachable(self.name, "takes no more calls at the moment") from None
        except (stripe.AuthenticationError, stripe.PermissionError):
            raise GatewayMisconfigured(self.name, "does not accept the API key") from None
        except stripe.InvalidRequestError as error:
            code = error.code or "invalid_request"
            refused.append(Answer(succeeded=False, error_code=code, message=_words(code)))
        except stripe.APIConnectionError:
            raise GatewayTimedOut(self.name, "cannot be reached") from None
        except stripe.StripeError:
            raise GatewayTimedOut(
                self.name, "did not answer in a way that says what it did"
            ) from None


def _without_contents(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


def _under(asked: Asked) -> Any:
    return {"idempotency_key": asked.idempotency_key}


def _intent_of(asked: Asked) -> str:
    assert asked.authorization_token is not None
    return asked.authorization_token


def _followed_up(intent: Any, wanted: str) -> Answer:
    if intent.status == wanted:
        return Answer(succeeded=True, token=intent.id)
    code = str(intent.status)
    return Answer(succeeded=False, error_code=code, message=_words(code))


def _no_payment_method() -> Answer:
    code = "payment_method_missing"
    return Answer(succeeded=False, error_code=code, message=_words(code))


_WORDS = {
    "payment_method_missing": "The payment source names no payment method.",
    "resource_missing": "The saved payment method is not known any more.",
    "authentication_required": "The bank asks the customer to confirm the payment.",
    "requires_action": "The bank asks the customer to confirm the payment.",
    "insufficient_funds": "The card has insufficient funds.",
    "expired_card": "The card has expired.",
    "requires_payment_method": "The card was declined.",
    "card_declined": "The card was declined.",
    "generic_decline": "The card was declined.",
}


def _words(code: str) -> str:
    return _WORDS.get(code) or f"It was refused ({code.replace('_', ' ')})."
