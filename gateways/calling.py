"""One call to a gateway, seen through: asked again only where that is safe, under the same key."""

from collections.abc import Callable
from random import uniform
from time import sleep

from order_factory.gateways.limits import CallLimits
from order_factory.gateways.protocol import (
    Answer,
    Asked,
    Gateway,
    GatewayError,
    GatewayTimedOut,
    GatewayUnreachable,
)

TRIES = 3
FIRST_PAUSE = 0.2


def ask(
    gateway: Gateway,
    limits: CallLimits,
    do: Callable[[Asked], Answer],
    asked: Asked,
    *,
    perhaps_done: bool,
) -> Answer:
    """What the gateway says in the end. Raises the last `GatewayError` where it says nothing.

    Where it may have been done already (`perhaps_done`: an earlier process died over it, or a call
    timed out), it is looked up first, and done only if it was not.
    """
    pause = FIRST_PAUSE
    for left in reversed(range(TRIES)):
        try:
            if perhaps_done:
                with limits:
                    known = gateway.lookup(asked)
                if known is not None:
                    return known
            with limits:
                return do(asked)
        except (GatewayTimedOut, GatewayUnreachable) as error:
            perhaps_done = perhaps_done or isinstance(error, GatewayTimedOut)
            if not left:
                raise
            sleep(pause * uniform(0.5, 1.5))
            pause *= 3
    raise GatewayError(gateway.name, "was not asked")  # TRIES is not 0
