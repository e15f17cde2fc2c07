"""The official JavaScript SDK, unchanged, against the running service that copies by itself."""

import json
import os
import shutil
import subprocess

import pytest

from order_factory.models.tables import Order
from order_factory.tasks.webhooks.settings import webhook_settings
from tests.support.api_client import make_order_id, make_token, run_service
from tests.support.documents import ROOT
from tests.support.paying import make_payable_order
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow


def run_session(session, port, seconds):
    """Run a session of the SDK with the service at this port; returns its output."""
    return subprocess.run(
        ["node", session, f"http://127.0.0.1:{port}", make_token()],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        env={"PATH": os.environ["PATH"]},
    )


def test_a_shop_is_filled_and_copied_with_the_sdk(shop, configure, prefect, sdk_folder):
    shop.sku("MUG", mode="test")
    configure.setenv("ORDER_FACTORY_API_DISPATCH", "true")
    session = shutil.copy("tests/support/sdk_session.mjs", sdk_folder)

    with run_service() as port:
        session_output = run_session(session, port, seconds=120)

    assert session_output.returncode == 0, session_output.stderr
    assert json.loads(session_output.stdout) == {
        "address": "Ada Byron, 1 Test Street, 00100 Rome RM (IT) 1",
        "draft": ["draft", "ada@shop.example", 0],
        "line": ["MUG", 2500, "€25,00"],
        "order": ["pending", 3750, 37.5],
        "included": ["ada@shop.example", 3, "MUG"],
        "created": ["order_copies", "pending", "again"],
        "ended": ["completed", 0, "W-1"],
        "target": ["pending", 3750, [["MUG", 3]]],
        "events": [
            "order_copies.create",
            "order_copies.start",
            "order_copies.complete",
        ],
        "byWay": True,
        "related": [1, 1, True],
        "found": [1, ["id", "reference", "status", "type"]],
        "count": 1,
        "cleared": None,
        "subscription": ["order_subscriptions", "draft", None],
        "active": ["active", True],
        "item": ["MUG", "€22,00"],
        "renewal": ["pending", False],
        "subscriptions": [["W-1", 1]],
        "ceased": "cancelled",
        "unknown": [
            404,
            "RECORD_NOT_FOUND",
            "The record identified by nonsensical could not be found.",
        ],
        "blank": [422, "VALIDATION_ERROR", "source_order - can't be blank"],
        "filter": [
            400,
            "FILTER_NOT_ALLOWED",
            "filter[q][colour_eq] is not an attribute of orders with a matcher.",
        ],
        "taken": [422, "VALIDATION_ERROR", "email - has already been taken"],
        "token": [401, "INVALID_TOKEN", "The access token is invalid, expired or revoked."],
        "deleted": 404,
    }


def test_the_example_copies_an_order_with_the_sdk(shop, configure, prefect, sdk_folder):
    number = shop.number_of(make_payable_order(shop))
    configure.setenv("ORDER_FACTORY_API_DISPATCH", "true")
    example = shutil.copy(ROOT / "examples" / "copy_with_sdk.mjs", sdk_folder)

    with run_service() as port:
        done = subprocess.run(
            ["node", example, f"http://127.0.0.1:{port}", make_token("live"), number],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={"PATH": os.environ["PATH"]},
        )

    assert done.returncode == 0, done.stderr
    (target,) = [order for order in shop.rows(Order) if order.number != number]
    assert done.stdout == f"completed {target.number} {{}}\n"
    assert (target.status, target.payment_status) == ("placed", "authorized")


def test_the_sdk_uses_the_triggers_of_orders(shop, configure, prefect, sdk_folder):
    configure.setenv("ORDER_FACTORY_API_DISPATCH", "true")
    customer = shop.customer(mode="test")
    card = {"gateway": "test", "payment_source_token": "tok_approve", "mode": "test"}
    saved = shop.payment_source(wallet_of=customer, **card)
    fresh = {"status": "pending", "payment_status": "unpaid", "placed_at": None}
    orders = [
        shop.order_of_test_mode(customer_id=customer, payment_source_id=saved, **fresh)
        for _ in range(3)
    ]
    session = shutil.copy("tests/support/sdk_triggers.mjs", sdk_folder)

    with run_service() as port:
        names = [make_order_id(key) for key in orders]
        session_output = subprocess.run(
            ["node", session, f"http://127.0.0.1:{port}", make_token(), *names],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            env={"PATH": os.environ["PATH"]},
        )

    assert session_output.returncode == 0, session_output.stderr
    assert json.loads(session_output.stdout) == {
        "placing": ["placing", "unpaid"],
        "placed": ["placed", "authorized"],
        "approved": "approved",
        "paid": ["approved", "paid"],
        "refunded": ["approved", "partially_refunded"],
        "archived": True,
        "unarchived": None,
        "transactions": [
            [["authorizations", 1250, True]],
            [["captures", 1250, True]],
            [["refunds", 500, True]],
        ],
        "again": ["status - cannot transition from approved to editing"],
        "cancelled": "cancelled",
        "voided": ["cancelled", "voided"],
        "inPart": ["placed", "partially_paid"],
        "givenBack": ["placed", "refunded"],
        "tooLate": ["_void - cannot be voided: no gateway holds its payment here; it is refunded"],
    }
    assert find_violations() == []


@pytest.mark.slow  # a service with all its threads, and some twenty requests that wait for it
def test_webhooks_imports_and_exports(shop, configure, prefect, sdk_folder, tmp_path):
    configure.chdir(tmp_path)
    configure.setenv("ORDER_FACTORY_API_DISPATCH", "true")
    configure.setenv("ORDER_FACTORY_API_DISPATCH_WEBHOOKS", "true")
    configure.setenv("ORDER_FACTORY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES", "true")
    webhook_settings.cache_clear()
    session = shutil.copy(ROOT / "tests/support/sdk_doors.mjs", sdk_folder)

    with run_service() as port:
        session_output = run_session(session, port, seconds=180)

    webhook_settings.cache_clear()
    assert session_output.returncode == 0, session_output.stderr
    assert json.loads(session_output.stdout) == {
        "hook": ["webhooks", "customers.create", "closed", 0, None],
        "changed": ["all", [], True],
        "switched": [True, None, "closed"],
        "listed": 1,
        "signed": True,
        "delivered": ["customers.create", "ada@shop.example"],
        "log": [1, "200", "customers", True],
        "callback": [True, 1],
        "withLog": 1,
        "again": [2, True],
        "left": 0,
        "pending": ["pending", 2],
        "imported": ["completed", 2, 1, 0, ["2"], 2],
        "interrupted": "imports.create",
        "imports": 2,
        "asked": ["pending", "json", None],
        "exported": ["completed", 1, 1, 100],
        "rows": [["MUG", "Mug"]],
        "events": ["exports.create", "exports.start", "exports.complete"],
        "again_imported": 0,
        "gone": 401,
    }
    assert find_violations() == []
