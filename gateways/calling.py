"""One call to a gateway, with retries. It is retried only if that is safe, under the same key."""

from collections.abc import Callable
from random import uniform
from time import sleep

from order_factory.gateways.limits import CallLimits
from order_factory.gateways.protocol import (
    Answer,
    Gateway,
    GatewayError,
    GatewayRequest,
    GatewayTimedOut,
    GatewayUnreachable,
)

TRIES = 3
FIRST_PAUSE = 0.2


def call_gateway(
    gateway: Gateway,
    limits: CallLimits,
    do: Callable[[GatewayRequest], Answer],
    request: GatewayRequest,
    *,
    perhaps_done: bool,
) -> Answer:
    """Return the gateway's answer. Raises the last `GatewayError` if no try got an answer.

    `perhaps_done` says that the call may have been made already: an earlier process died during
    it, or a try timed out. Then the gateway is asked first, and called only if it was not.
    """
    pause = FIRST_PAUSE
    for remaining_tries in reversed(range(TRIES)):
        try:
            if perhaps_done:
                with limits:
                    known = gateway.lookup(request)
                if known is not None:
                    return known
            with limits:
                return do(request)
        except (GatewayTimedOut, GatewayUnreachable) as error:
            perhaps_done = perhaps_done or isinstance(error, GatewayTimedOut)
            if not remaining_tries:
                raise
            sleep(pause * uniform(0.5, 1.5))
            pause *= 3
    raise GatewayError(gateway.name, "was not asked")  # TRIES is not 0
