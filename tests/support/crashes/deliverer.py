"""A process that delivers webhooks, and is killed at one stage."""

import os
import signal
from collections.abc import Callable
from functools import wraps
from typing import Any

from order_factory.api.webhook_documents import render_documents
from order_factory.tasks.webhooks import delivering, outbox
from order_factory.tasks.webhooks.settings import webhook_settings

# Stage, module, function, whether the process dies before the call or after it.
STAGES: dict[str, tuple[Any, str, bool]] = {
    "before the deliveries are made": (outbox, "_make_deliveries_between", True),
    "before the deliveries are committed": (outbox, "_make_deliveries_between", False),
    "before the outbox moves on": (outbox, "_advance_webhooks", True),
    "before the first is sent": (delivering, "send_delivery", True),
    "before an answer is recorded": (delivering, "send_delivery", False),
    "before the answers are committed": (delivering, "record_answers", False),
}


def _kill_around(function: Callable[..., Any], *, at_once: bool) -> Callable[..., Any]:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @wraps(function)
    def call_and_die(*args: Any, **kwargs: Any) -> Any:
        if at_once:
            die()
        result = function(*args, **kwargs)
        if hasattr(result, "__await__"):
            return _await_and_die(result, die)
        die()
        return result

    return call_and_die


async def _await_and_die(result: Any, die: Callable[[], None]) -> Any:
    await result
    die()


def deliver_until(stage: str) -> None:
    """Deliver all pending deliveries. The process is killed at the stage."""
    module, name, at_once = STAGES[stage]
    setattr(module, name, _kill_around(getattr(module, name), at_once=at_once))
    delivering.send_due_deliveries(render_documents, webhook_settings(), until_idle=True)
