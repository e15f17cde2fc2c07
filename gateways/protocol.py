"""The protocol of a payment gateway: requests and answers."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from order_factory.models.values.statuses import Mode


@dataclass(frozen=True)
class GatewayRequest:
    """One request. The gateway carries it out once per `idempotency_key`, also if it is repeated.

    `amount_cents` is in `currency_code` (ISO 4217). `customer_token` and `payment_source_token`
    name the customer and the saved payment method at the gateway. `authorization_token` names the
    authorization to void or capture, `capture_token` the capture to refund. `order` is the order's
    public id, for the gateway's own records. `call` is the method to call; a look-up needs it.
    """

    idempotency_key: str
    amount_cents: int
    currency_code: str
    order: str
    customer_token: str | None = field(default=None, repr=False)
    payment_source_token: str | None = field(default=None, repr=False)
    authorization_token: str | None = field(default=None, repr=False)
    capture_token: str | None = field(default=None, repr=False)
    call: Literal["authorize", "capture", "void", "refund"] = "authorize"


# Error code of a request that was cancelled before it was sent.
CALLED_OFF = "called_off"
# Error codes of payments that a gateway never accepts. The customer's bank is not asked.
NOT_SUPPORTED = ("currency_not_supported", "amount_not_supported")


@dataclass(frozen=True)
class Answer:
    """The answer of a gateway: `succeeded` with its `token`, or the reason for the refusal.

    `message` is for a person, `error_code` for a program. Neither holds data of the card. If the
    customer has to confirm the payment, `customer_action` is a link or a client secret for that.
    """

    succeeded: bool
    token: str | None = field(default=None, repr=False)
    error_code: str | None = None
    message: str | None = None
    customer_action: str | None = field(default=None, repr=False)


class GatewayError(Exception):
    """No answer. Takes the gateway's name and a message for a person, without secrets."""

    def __str__(self) -> str:
        name, detail = self.args
        return f"the payment gateway {name} {detail}"


class GatewayUnreachable(GatewayError):
    """The request was certainly not carried out. It is safe to send it again."""


class GatewayTimedOut(GatewayError):
    """The request may have been carried out. Look it up before sending it again."""


class GatewayMisconfigured(GatewayError):
    """The settings are wrong. A retry does not help before they are corrected."""


class Gateway(Protocol):
    """A payment gateway. Every call may raise a `GatewayError`, and is thread-safe.

    A request that comes again under its `idempotency_key` gets the answer to the first one. It is
    not carried out a second time.
    """

    name: str

    def authorize(self, request: GatewayRequest) -> Answer:
        """Hold the amount on the customer's payment source. The customer need not be present."""

    def capture(self, request: GatewayRequest) -> Answer:
        """Take the money that the authorization holds."""

    def void(self, request: GatewayRequest) -> Answer:
        """Release the money that the authorization holds."""

    def refund(self, request: GatewayRequest) -> Answer:
        """Give back the amount from the capture. One capture may be refunded in parts."""

    def lookup(self, request: GatewayRequest) -> Answer | None:
        """Return the answer given under the `idempotency_key`; None if surely nothing was done.

        Raises a `GatewayError` if the look-up itself fails, for any reason.
        """


@dataclass(frozen=True)
class GatewayTerms:
    """How a gateway may be used.

    `modes` are the modes of the orders that it may take money for. A gateway that is not `remote`
    is never called: its orders are placed without a payment. At most `concurrency` calls run at
    the same time, and at most `calls_per_second` start (0: no limit). A look-up finds a request at
    the latest `lookup_delay_seconds` after it was sent.
    """

    modes: frozenset[Mode]
    remote: bool = True
    concurrency: int = 1
    calls_per_second: float = 0.0
    lookup_delay_seconds: float = 0.0
