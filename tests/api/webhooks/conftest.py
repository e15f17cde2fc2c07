"""A receiver, and webhooks that may send to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from order_factory.api.webhook_documents import render_documents
from order_factory.tasks.webhooks.delivering import DeliveryCounts, send_due_deliveries
from order_factory.tasks.webhooks.settings import webhook_settings
from tests.support.receiver import Receiver, run_receiver

Subscribe = Callable[..., Any]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver on this machine. The settings allow it, and retries have no pause."""
    for name, value in (
        ("ALLOW_PRIVATE_ADDRESSES", "true"),
        ("FIRST_PAUSE_SECONDS", "0.001"),
        ("TRIAL_SECONDS", "0.001"),
        ("POLL_SECONDS", "0.01"),
    ):
        monkeypatch.setenv(f"ORDER_FACTORY_WEBHOOK_{name}", value)
    webhook_settings.cache_clear()
    with run_receiver() as receiver:
        yield receiver
    webhook_settings.cache_clear()


@pytest.fixture
def subscribe(api: Any, receiver: Receiver) -> Subscribe:
    """Create a webhook over HTTP; its attributes and id."""

    def create(topic: str, url: str | None = None, **attributes: Any) -> Any:
        data = {
            "type": "webhooks",
            "attributes": {"topic": topic, "callback_url": url or receiver.url(), **attributes},
        }
        made = api.post("webhooks", data)["data"]
        return {"id": made["id"], **made["attributes"]}

    return create


def deliver_due() -> DeliveryCounts:
    """Deliver what is due, as the flow does."""
    deliveries = send_due_deliveries(render_documents, webhook_settings(), until_idle=True)
    assert deliveries is not None, "another process delivers"
    return deliveries
