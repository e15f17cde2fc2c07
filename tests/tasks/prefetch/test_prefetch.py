"""Reading the next part of a batch ahead, for which only SQLite has a use."""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest
from sqlalchemy import delete, text, update

from order_factory.models.database.engine import begin, connection, get_engine
from order_factory.models.errors import TryAgain
from order_factory.models.tables import (
    Address,
    CustomerPaymentSource,
    LineItem,
    Order,
    PaymentSource,
    Sku,
)
from order_factory.tasks import copy_orders
from order_factory.tasks.copy_orders import copy_batch
from order_factory.tasks.copying import engine
from order_factory.tasks.copying.recipe import STEPS
from order_factory.tasks.prefetch import process, reader
from order_factory.tasks.prefetch.prefetch import prefetching
from order_factory.tasks.prefetch.process import start_reader
from tests.support.copying import (
    change,
    copy,
    make_batch,
    make_failing_step,
    read_results,
    request_copy,
    target_of,
)
from tests.support.verifying import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("shop", ["sqlite"], indirect=True)]

SIZE = 3
IN_TURN = [False, True, True]  # nobody reads ahead of the first part


@pytest.fixture
def prefetches(monkeypatch):
    """Whether each part was prefetched, in the order in which they were copied.

    The test waits for the reader without a limit, also on a busy machine.
    """
    monkeypatch.setattr(process, "_SECONDS", 60.0)
    parts = []
    copy_claimed = engine.copy_claimed

    def note_prefetch(db, size, flow_run_id, ahead, **options):
        parts.append(ahead)
        return copy_claimed(db, size, flow_run_id, ahead, **options)

    monkeypatch.setattr(copy_orders, "copy_claimed", note_prefetch)
    return parts


def copy_in_parts(factories, before=lambda part: None, sizes=(SIZE,) * 3):
    """Copy the factories as one batch, reading ahead; how each ended."""
    batch = make_batch(factories)
    with prefetching(batch) as ahead:
        assert ahead is not None
        for part, size in enumerate(sizes, 1):
            before(part)
            copy_batch.fn(batch, part, size, ahead)
    return read_results(factories)


def requests(orders, **options):
    return [request_copy(order, **options) for order in orders]


def plain_orders(shop):
    return [shop.order(lines=[("MUG", 1 + nth, 12_50)]) for nth in range(3 * SIZE)]


def payable_orders(shop, **values):
    customer = shop.customer()
    saved = shop.payment_source(wallet_of=customer)
    wallet = {"customer_id": customer, "payment_source_id": saved, **values}
    return [shop.order(**wallet) for _ in range(3 * SIZE)]


def readers_of(parent):
    """Its processes that read ahead; the suite's has others, such as PostgreSQL."""
    return [each for each in parent.children() if reader.__file__ in each.cmdline()]


def statuses(ended):
    return [result.status for result in ended]


def orders_of_all_kinds(shop):
    """Twelve orders whose copies end in all the ways there are without placing them."""
    customer = shop.customer()
    saved = shop.payment_source(wallet_of=customer)
    expired = shop.payment_source(wallet_of=customer, expires_at=datetime(2026, 1, 31, tzinfo=UTC))
    shop.sku("PDF", do_not_ship=True)
    shop.sku("SOLD", purchasable=False)
    shop.sku("FEW", stock=2)
    mixed = shop.order(lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)])
    shop.line(mixed, item_type="shipments", unit_amount_cents=4_90)
    shop.line(mixed, item_type="adjustments", unit_amount_cents=-1_00)
    shop.line(mixed, item_type="bundles", sku_code=None, metadata={"do_not_ship": True})
    shop.option(shop.line(mixed, sku_code="MUG", unit_amount_cents=12_50))
    in_part = shop.order()
    shop.line(in_part, sku_code="GONE")
    return [
        shop.order(customer_id=customer, payment_source_id=saved),
        mixed,
        shop.order(lines=[("GONE", 1, 1_00)], catalogued=False),
        shop.order(lines=[("PDF", 1, 3_00)], shipping_address_id=None),
        shop.order(lines=[("SOLD", 1, 3_00)]),
        shop.order(lines=[("FEW", 2, 3_00)]),
        shop.order(lines=[("FEW", 3, 3_00)]),
        shop.order(customer_id=customer, payment_source_id=expired),
        shop.order(shipping_address_id=shop.address(), customer_email=""),
        shop.order(lines=[]),
        shop.order(billing_address_id=None, shipping_country_code_lock="FR"),
        in_part,
    ]


def message(shop, result):
    """Return how a copy ended and all of its values but keys, times and the number (from a key)."""
    own = {
        "id",
        "order_id",
        "order_factory_id",
        "line_item_id",
        "created_at",
        "updated_at",
        "number",
    }

    def values(row):
        return {name: value for name, value in row._mapping.items() if name not in own}

    if result.target_order is None:
        return result.status, result.errors_log
    order = values(shop.row(Order, id=target_of(result)))
    referred = [
        key and values(shop.row(table, id=key))
        for table, key in (
            (Address, order.pop("billing_address_id")),
            (Address, order.pop("shipping_address_id")),
            (PaymentSource, order.pop("payment_source_id")),
        )
    ]
    lines = [values(line) for line in shop.rows(LineItem, order_id=target_of(result))]
    return result.status, result.errors_log, order, referred, lines


@pytest.mark.parametrize("skip_errors", [False, True])
@pytest.mark.parametrize("reuse_wallet", [False, True])
def test_prefetching_does_not_change_the_copies(shop, prefetches, skip_errors, reuse_wallet):
    options = {"skip_errors": skip_errors, "reuse_wallet": reuse_wallet}
    orders = orders_of_all_kinds(shop)
    expected = [copy(order, **options) for order in orders]
    prefetches.clear()

    ended = copy_in_parts(requests(orders, **options), sizes=(SIZE,) * 4)

    assert prefetches == [False, True, True, True]
    assert [message(shop, result) for result in ended] == [
        message(shop, result) for (result,) in expected
    ]
    assert {"failed", "completed"} <= set(statuses(ended))
    assert find_violations() == []


def test_commits_of_another_connection_are_noticed(shop, prefetches):
    orders = plain_orders(shop)
    (mug,) = shop.rows(Sku, code="MUG")

    def withdraw(part):
        if part == 2:
            change(Sku, mug.id, purchasable=False)

    ended = copy_in_parts(requests(orders), before=withdraw)

    assert prefetches == [False, False, True]
    assert statuses(ended) == ["completed"] * 3 + ["failed"] * 6


def test_a_prefetched_part_of_another_size_is_read_again(shop, prefetches):
    ended = copy_in_parts(requests(plain_orders(shop)), sizes=(3, 2, 2, 2))

    assert prefetches == [False, False, True, True]
    assert statuses(ended) == ["completed"] * 9
    assert find_violations() == []


def test_stock_taken_by_a_part_is_missing_in_the_next(shop, prefetches):
    shop.sku("FEW", stock=4)
    orders = payable_orders(shop, lines=[("FEW", 1, 3_00)])

    ended = copy_in_parts(requests(orders, place_target_order=True))

    assert prefetches == [False, False, False]
    assert statuses(ended) == ["completed"] * 4 + ["failed"] * 5
    assert find_violations() == []


@pytest.mark.parametrize("option", ["place_target_order", "cancel_source_order"])
def test_a_part_after_a_stock_change_is_read_again(shop, prefetches, option):
    first, *others = payable_orders(shop)

    ended = copy_in_parts([request_copy(first, **{option: True}), *requests(others)])

    assert prefetches == [False, False, True]
    assert statuses(ended) == ["completed"] * 9
    assert find_violations() == []


def test_stock_that_was_enough_for_each_part_is_enough_for_all(shop, prefetches):
    shop.sku("FEW", stock=3)  # a copy that is not placed takes nothing
    orders = [shop.order(lines=[("FEW", 1, 3_00)]) for _ in range(9)]

    ended = copy_in_parts(requests(orders))

    assert prefetches == IN_TURN
    assert statuses(ended) == ["completed"] * 9


def test_a_faulty_order_fails_alone_in_a_prefetched_part(shop, prefetches, monkeypatch):
    orders = plain_orders(shop)
    poison = make_failing_step(orders[4])
    STEPS.append(poison)

    ended = copy_in_parts(requests(orders))

    assert prefetches == IN_TURN
    assert statuses(ended) == ["completed"] * 4 + ["failed"] + ["completed"] * 4
    assert find_violations() == []


def test_a_retried_transaction_copies_once(shop, prefetches, monkeypatch):
    orders = plain_orders(shop)
    tried = []

    def fail_once(db, batch):
        tried.append(batch)
        if len(tried) == 2:
            raise TryAgain("the disk was busy")
        return 0

    STEPS.append(fail_once)

    ended = copy_in_parts(requests(orders))

    assert prefetches == [False, True, False, True]  # the second part is tried twice
    assert statuses(ended) == ["completed"] * 9
    assert find_violations() == []


def _without_references(*statements):
    with connection() as db:
        db.connection.cursor().execute("PRAGMA foreign_keys = OFF")
        with db.begin():
            for statement in statements:
                db.execute(statement)
        db.invalidate()


def test_a_broken_order_reference_fails_with_prefetching_too(shop, prefetches):
    orders = plain_orders(shop)
    broken = update(Order).where(Order.id == orders[4]).values(payment_method_id=4711)
    _without_references(broken)

    ended = copy_in_parts(requests(orders))

    assert prefetches == [False, False, True]
    assert statuses(ended) == ["completed"] * 4 + ["failed"] + ["completed"] * 4
    assert ended[4].errors_log == {
        "target_order": ["could not be copied: the database refused a row (IntegrityError)"]
    }


def test_a_broken_wallet_reference_fails_with_prefetching_too(shop, prefetches):
    orders = plain_orders(shop)
    customer = shop.customer()
    saved = shop.payment_source(wallet_of=customer)
    copied = shop.payment_source(copied_from_id=saved)
    change(Order, orders[4], customer_id=customer, payment_source_id=copied)
    _without_references(delete(PaymentSource).where(PaymentSource.id == saved))
    assert shop.row(CustomerPaymentSource).payment_source_id == saved

    ended = copy_in_parts(requests(orders))

    assert prefetches == [False, False, True]
    assert statuses(ended) == ["completed"] * 4 + ["failed"] + ["completed"] * 4


@pytest.mark.parametrize(
    "own",
    [
        "CREATE TRIGGER own AFTER INSERT ON orders BEGIN SELECT 1; END",
        "CREATE TABLE own (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id))",
        "ALTER TABLE line_items ADD COLUMN own INTEGER REFERENCES skus (id)",
    ],
)
def test_a_shop_with_its_own_triggers_or_keys_is_not_prefetched(shop, prefetches, own):
    with begin() as db:
        db.execute(text(own))

    ended = copy_in_parts(requests(plain_orders(shop)))

    assert prefetches == [False, False, False]
    assert statuses(ended) == ["completed"] * 9


def test_the_batch_is_copied_after_its_reader_ends(shop, prefetches):
    def kill(part):
        if part == 3:
            (reader,) = readers_of(psutil.Process())
            reader.kill()
            reader.wait()

    ended = copy_in_parts(requests(plain_orders(shop)), before=kill)

    assert prefetches[:2] == [False, True]  # whether the third was read before it died is chance
    assert statuses(ended) == ["completed"] * 9
    assert find_violations() == []


def test_nothing_is_prefetched_if_no_process_can_be_started(shop, monkeypatch):
    monkeypatch.setattr(sys, "executable", "there-is-no-such-python")

    with prefetching(make_batch(requests(plain_orders(shop)))) as ahead:
        assert ahead is None


def test_an_answer_that_comes_when_the_batch_ends_is_received(shop, monkeypatch):
    uri = f"{Path(str(get_engine().url.database)).as_uri()}?mode=rw"
    plan: dict[str, Any] = {
        "shop": uri,
        "prepare": [],
        "begin": [],
        "unsafe": [("SELECT 1", {})],
        "look": [],
    }
    received, ends = Event(), []

    class SlowQueue:
        def put(self, answer):
            received.set()
            time.sleep(0.2)  # the block ends meanwhile
            ends.append(answer)

    with start_reader(plan) as ahead:
        monkeypatch.setattr(ahead, "_answers", SlowQueue())
        ahead.request((SIZE, 1, SIZE))
        assert received.wait(60)

    assert ends == [b"", None], "its thread has come to its end"


def test_prefetching_ends_its_process_and_restores_the_key_checks(shop):
    copy_in_parts(requests(plain_orders(shop)))

    assert readers_of(psutil.Process()) == []
    with begin() as db:
        assert db.execute(text("PRAGMA foreign_keys")).scalar() == 1


_BEGIN_AND_SLEEP = """
import sys, time
from order_factory.tasks.prefetch.prefetch import prefetching
with prefetching(1):
    print("reading", flush=True)
    time.sleep(60)
"""


def test_a_reader_does_not_outlive_a_killed_process(shop):
    with subprocess.Popen([sys.executable, "-c", _BEGIN_AND_SLEEP], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"reading\n"
        (its,) = readers_of(psutil.Process(run.pid))
        run.send_signal(signal.SIGKILL)

    assert its.wait(timeout=10) is None or not its.is_running()
