"""The flow sends the due deliveries, unless another process is delivering."""

import pytest
from sqlalchemy import insert

from order_factory.api.webhook_subscriptions import create_webhook
from order_factory.flows.deliver_webhooks import deliver_webhooks
from order_factory.models.database.engine import begin
from order_factory.models.database.process_locks import try_hold_lock
from order_factory.models.tables import Event, EventCallback
from order_factory.models.tables.base import utc_now
from order_factory.tasks.webhooks.settings import webhook_settings
from tests.support.receiver import run_receiver

pytestmark = pytest.mark.slow


def test_one_process_at_a_time_delivers(shop, prefect, monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES", "true")
    webhook_settings.cache_clear()
    event = {"name": "customers.create", "subject_id": shop.customer(), "mode": "live"}
    with run_receiver() as receiver:
        with begin() as db:
            create_webhook(db, "customers.create", receiver.url())
            db.execute(insert(Event).values(created_at=utc_now(), **event))
        with try_hold_lock("webhooks") as lock:
            assert lock is not None
            assert deliver_webhooks().busy

        state = deliver_webhooks(return_state=True)

        result = state.result()
        assert state.message == "1 delivered, 0 failed"
        assert (result.delivered, result.failed, result.busy) == (1, 0, False)
        assert len(receiver.requests) == 1
    assert shop.row(EventCallback).status == "delivered"
    webhook_settings.cache_clear()
