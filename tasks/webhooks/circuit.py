"""The pauses between the tries of a delivery, and the circuit breaker of a receiver."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from order_factory.models.tables.webhooks import CircuitState
from order_factory.tasks.webhooks.settings import WebhookSettings

_GROWTH = 3.0
_JITTER = 0.2
_LONGEST_TRIAL_SECONDS = 3_600.0


@dataclass(frozen=True)
class Circuit:
    """The state of a webhook's circuit."""

    state: CircuitState
    failure_count: int
    retry_at: datetime | None
    trials: int

    @property
    def is_open(self) -> bool:
        return self.state == CircuitState.OPEN


CLOSED = Circuit(CircuitState.CLOSED, 0, None, 0)


def update_circuit(
    circuit: Circuit, settings: WebhookSettings, now: datetime, *, succeeded: bool
) -> Circuit:
    """Return the circuit after one more answer."""
    if succeeded:
        return CLOSED
    count = circuit.failure_count + 1
    if count < settings.failures_to_open:
        return replace(circuit, failure_count=count)
    if circuit.is_open and circuit.retry_at is not None and circuit.retry_at > now:
        return replace(circuit, failure_count=count)  # sent before it opened
    trials = circuit.trials + 1 if circuit.is_open else 0
    pause = min(settings.trial_seconds * 2.0 ** min(trials, 20), _LONGEST_TRIAL_SECONDS)
    return Circuit(CircuitState.OPEN, count, now + timedelta(seconds=_add_jitter(pause)), trials)


def schedule_next_try(tries: int, settings: WebhookSettings, now: datetime) -> datetime | None:
    """Return the time of the next try after this many failed tries, or None if it was the last."""
    if tries >= settings.tries:
        return None
    pause = settings.first_pause_seconds * _GROWTH ** (tries - 1)
    return now + timedelta(seconds=_add_jitter(pause))


def _add_jitter(seconds: float) -> float:
    # Deliveries that failed at the same time should not be retried at the same time.
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)
