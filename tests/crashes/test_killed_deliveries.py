"""A process that delivers is killed at any stage: each event arrives, and no rolled-back event."""

import signal

import pytest
from sqlalchemy import insert

from order_factory.api.webhook_documents import render_documents
from order_factory.api.webhook_subscriptions import create_webhook
from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import Event, EventCallback
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.verify.verifying import verify
from order_factory.tasks.webhooks.delivering import send_due_deliveries
from order_factory.tasks.webhooks.settings import webhook_settings
from tests.support.crashes.deliverer import STAGES, deliver_until
from tests.support.crashes.forked import ForkedProcess
from tests.support.receiver import run_receiver

pytestmark = pytest.mark.slow


@pytest.fixture
def receiver(monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES", "true")
    monkeypatch.setenv("ORDER_FACTORY_WEBHOOK_POLL_SECONDS", "0.01")
    webhook_settings.cache_clear()
    with run_receiver() as receiver:
        yield receiver
    webhook_settings.cache_clear()


def create_customers(shop, count):
    """Create customers with their events, and one in a transaction that is rolled back."""
    keys = [shop.customer() for _ in range(count + 1)]
    values = {"name": "customers.create", "mode": "live", "created_at": utc_now()}
    with begin() as db:
        db.execute(insert(Event), [{"subject_id": key, **values} for key in keys[:count]])
    with begin() as db:
        db.execute(insert(Event).values(subject_id=keys[count], **values))
        db.rollback()


def kill_at(stage):
    process = ForkedProcess(deliver_until, stage)
    process.join()
    assert process.exitcode == -signal.SIGKILL, stage


def find_broken():
    with reading() as db:
        return [each.name for each in verify(db).invariants if each.violations]


def test_every_event_arrives_although_delivering_processes_are_killed(shop, receiver):
    with begin() as db:
        create_webhook(db, "customers.create", receiver.url())
    for stage in STAGES:
        create_customers(shop, 5)
        kill_at(stage)
        assert find_broken() == [], stage

    send_due_deliveries(render_documents, webhook_settings(), until_idle=True)

    events = {public_id(Resource.events, event.id) for event in shop.rows(Event)}
    assert len(events) == 5 * len(STAGES)
    assert set(receiver.ids()) == events
    assert len({(each.id, each.body) for each in receiver.requests}) == len(events)
    assert {each.status for each in shop.rows(EventCallback)} == {"delivered"}
    assert len(shop.rows(EventCallback)) == len(events)
    assert find_broken() == []
