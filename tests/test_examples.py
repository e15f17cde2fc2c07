"""The programs in examples/ do what their docstrings say."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL
from sqlalchemy import insert, select, update

from order_factory.api.webhook_documents import render_documents
from order_factory.api.webhook_subscriptions import create_webhook
from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import Event, EventCallback, OrderFactory, Webhook
from order_factory.models.tables.base import utc_now
from order_factory.tasks.verify import verify
from order_factory.tasks.webhooks.delivering import send_due_deliveries
from order_factory.tasks.webhooks.settings import webhook_settings
from tests.support.documents import ROOT

EXAMPLES = ROOT / "examples"
pytestmark = pytest.mark.slow


@pytest.fixture
def run(prefect, tmp_path, monkeypatch):
    """Run an example in a folder of its own; its exit code and what it printed."""
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())

    def run(name, *arguments, **settings):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / name), *arguments],
            cwd=tmp_path,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, done.stdout.splitlines()

    return run


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.*")), ids=lambda path: path.name)
def test_an_example_has_less_than_sixty_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60


def test_the_nightly_batch_copies_the_new_orders_and_prints_the_errors(shop, run, tmp_path):
    for hours in (1, 23, 25):
        shop.order(placed_at=utc_now() - timedelta(hours=hours))
    shop.order(placed_at=utc_now(), shipping_address_id=None)

    code, printed = run("nightly_batch.py")
    again, printed_again = run("nightly_batch.py")

    assert (code, again) == (1, 1)
    assert re.fullmatch(r"nightly-\d{4}-\d\d-\d\d: 2 of 3 orders copied", printed[0])
    assert printed[1] == (
        "1 x shipping_address, shipping_address_missing: the order has no shipping address"
    )
    assert printed_again == printed
    report = Path(tmp_path, printed[2].removeprefix("report: "))
    assert len(report.read_text(encoding="utf-8").splitlines()) == 1 + 3
    assert len(shop.rows(OrderFactory)) == 3
    with reading() as db:
        assert not any(each.violations for each in verify(db).invariants)


def test_a_year_of_a_subscription_has_twelve_renewals(run):
    code, printed = run("subscription_year.py")

    days = [line.split()[0] for line in printed]
    assert code == 0
    assert days == [
        *("2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30", "2027-07-31"),
        *("2027-08-31", "2027-09-30", "2027-10-31", "2027-11-30", "2027-12-31", "2028-01-31"),
    ]
    assert len({line.split()[2] for line in printed}) == 12
    assert {line.split()[3] for line in printed} == {"placed"}


def test_the_webhook_receiver_prints_an_event_once_and_checks_its_signature(
    shop, tmp_path, monkeypatch
):
    monkeypatch.setenv("ORDER_FACTORY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES", "true")
    webhook_settings.cache_clear()
    secrets = ["ab" * 32, "cd" * 32]
    receiver = subprocess.Popen(
        [sys.executable, str(EXAMPLES / "webhook_receiver.py"), "0"],
        cwd=tmp_path,
        env={**os.environ, "ORDER_FACTORY_WEBHOOK_SECRETS": ",".join(secrets)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert receiver.stdout is not None
    try:
        url = receiver.stdout.readline().split()[-1]
        customer = shop.customer()
        event = {"name": "customers.create", "subject_id": customer, "mode": "live"}
        with begin() as db:
            for _ in range(2):
                create_webhook(db, "customers.create", url)
            first, other = db.scalars(select(Webhook.id).order_by(Webhook.id)).all()
            statement = update(Webhook).where(Webhook.id == first)
            db.execute(statement.values(shared_secret=secrets[1]))
            db.execute(insert(Event).values(created_at=utc_now(), **event))

        # When: it is sent again, though it was received.
        for _ in range(2):
            send_due_deliveries(render_documents, webhook_settings(), until_idle=True)
            answered = update(EventCallback).where(EventCallback.webhook_id == first)
            with begin() as db:
                pairs = select(EventCallback.webhook_id, EventCallback.response_code)
                codes = {webhook: code for webhook, code in db.execute(pairs)}
                db.execute(answered.values(status="pending", ended_at=None, next_try_at=None))
    finally:
        receiver.terminate()
        printed = receiver.communicate()[0].splitlines()
        webhook_settings.cache_clear()

    assert codes == {first: "204", other: "401"}
    assert len(printed) == 1
    assert printed[0].startswith('customers.create {"id": "')
