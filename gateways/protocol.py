"""What a payment gateway can be asked, and what it can answer."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from order_factory.models.values.statuses import Mode


@dataclass(frozen=True)
class Asked:
    """One thing to do, with the key under which the gateway does it once however often it is asked.

    `amount_cents` of `currency_code` (ISO 4217). `customer_token` and `payment_source_token` name
    what the customer saved at the gateway; `authorization_token` the authorization that a void or
    capture is about. `order` is the order's public id, for the gateway's own records. `call` is the
    method that is asked, so that a look-up knows what it looks for.
    """

    idempotency_key: str
    amount_cents: int
    currency_code: str
    order: str
    customer_token: str | None = field(default=None, repr=False)
    payment_source_token: str | None = field(default=None, repr=False)
    authorization_token: str | None = field(default=None, repr=False)
    call: Literal["authorize", "capture", "void"] = "authorize"


# The error code of what was never asked, because nobody wants it any more.
CALLED_OFF = "called_off"
# Error codes of what a gateway never takes, whatever the customer's bank says.
NOT_SUPPORTED = ("currency_not_supported", "amount_not_supported")


@dataclass(frozen=True)
class Answer:
    """What a gateway did: `succeeded` with its `token` for it, or the reason why it refused.

    `message` is for a person, `error_code` for a program; neither holds anything of the card.
    """

    succeeded: bool
    token: str | None = field(default=None, repr=False)
    error_code: str | None = None
    message: str | None = None


class GatewayError(Exception):
    """There is no answer. Takes the gateway's name and words for a person, without any secret."""

    def __str__(self) -> str:
        name, detail = self.args
        return f"the payment gateway {name} {detail}"


class GatewayUnreachable(GatewayError):
    """What was asked for was surely not done; it is safe to ask again."""


class GatewayTimedOut(GatewayError):
    """What was asked for may have been done or not; look it up before asking again."""


class GatewayMisconfigured(GatewayError):
    """Asking again will not help before the settings are mended."""


class Gateway(Protocol):
    """A payment gateway. Every call may raise a `GatewayError`, and is safe to make from threads.

    A call that comes again under its `idempotency_key` is answered as the first one was, and does
    nothing a second time.
    """

    name: str

    def authorize(self, asked: Asked) -> Answer:
        """Hold the amount on what the customer saved, while the customer is not there."""

    def capture(self, asked: Asked) -> Answer:
        """Take the money that `authorization_token` holds."""

    def void(self, asked: Asked) -> Answer:
        """Let go of the money that `authorization_token` holds."""

    def lookup(self, asked: Asked) -> Answer | None:
        """What was done under the `idempotency_key`; None where surely nothing was.

        A look-up that fails, for whatever reason, raises a `GatewayError`.
        """


@dataclass(frozen=True)
class GatewayTerms:
    """How a gateway is to be used.

    `modes` are the modes of the orders that it may take money for. A gateway that is not `remote`
    has nothing to be asked: its orders are placed at once, unpaid. At most `concurrency` calls are
    under way at a time, and at most `calls_per_second` begin (0: as many as there are). What was
    done is surely found by a look-up `lookup_delay_seconds` later.
    """

    modes: frozenset[Mode]
    remote: bool = True
    concurrency: int = 1
    calls_per_second: float = 0.0
    lookup_delay_seconds: float = 0.0
