"""The names that a person sees in Prefect, exactly, for each kind of run."""

import json
import re
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry

from order_factory.flows import bulk_order_factory, order_factory, run_order_subscriptions
from order_factory.flows.copy_part import copy_part
from order_factory.flows.drain_order_factories import drain_order_factories
from order_factory.flows.sweep_order_factories import sweep_order_factories
from order_factory.models.tables import LineItem, OrderFactory, OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.outcomes import account
from order_factory.tasks.prefect_ui import events
from tests.support.copying import change, make_batch, request_copy
from tests.support.subscriptions import make_placeable_order, subscribe_due
from tests.support.verifying import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]

COPIED, IDLE, FAILED, WITH_ERRORS = "Completed", "Skipped", "Failed", "CompletedWithErrors"
STEPS = [
    ("check orders", COPIED),
    ("copy customers", COPIED),
    ("copy addresses", COPIED),
    ("copy wallets", IDLE),
    ("copy orders", COPIED),
    ("copy line items", COPIED),
    ("refresh prices", IDLE),
    ("apply promotions", IDLE),
    ("use gift cards", IDLE),
    ("place target orders", IDLE),
    ("cancel source orders", IDLE),
    ("record outcomes", COPIED),
]
BATCH_ARTIFACTS = [
    "bulk-order-factory-orders",
    "bulk-order-factory-result",
    "bulk-order-factory-summary",
    "progress",
    "where-the-time-went",
]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORDER_FACTORY_API_PUBLIC_URL", raising=False)


@pytest.fixture
def published_names(monkeypatch):
    """The names of the Prefect events that are published."""
    names: list[str] = []
    monkeypatch.setattr(events, "emit_event", lambda **event: names.append(event["event"]))
    return names


class Shown:
    """A flow run as Prefect's server tells it."""

    def __init__(self, flow_run_id, task_runs):
        run = UUID(str(flow_run_id))
        task_run_filter = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run]))
        artifact_filter = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        with get_client(sync_client=True) as client:
            flow_run: Any = client.read_flow_run(run)
            deadline = time.monotonic() + 20
            while True:  # the server writes task runs down some time later
                tasks: list[Any] = client.read_task_runs(task_run_filter=task_run_filter)
                ended = [task for task in tasks if task.state and task.state.is_final()]
                if len(ended) >= task_runs or time.monotonic() > deadline:
                    break
                time.sleep(0.2)
            artifacts: list[Any] = client.read_artifacts(artifact_filter=artifact_filter)
        self.name, self.tags = flow_run.name, set(flow_run.tags)
        self.state, self.message = flow_run.state.name, flow_run.state.message
        tasks.sort(key=lambda task: task.start_time)
        self.tasks = [(task.name, task.state.name) for task in tasks]
        self.messages = {task.name: task.state.message for task in tasks}
        self.artifacts = sorted(artifact.key or artifact.type for artifact in artifacts)
        self.data = {artifact.key: artifact.data for artifact in artifacts}


def run_of(shop):
    return shop.rows(OrderFactory)[-1].flow_run_id


def test_a_single_order_has_these_runs_and_states(shop):
    source = public_id(Resource.orders, shop.order(number="N1"))

    result = order_factory("N1")

    shown = Shown(result.flow_run_id, len(STEPS) + 2)
    target: Any = result.target_order
    became = f"{target.number} ({target.id})" if target.number else target.id
    names = {f"target:{name}" for name in (target.number, target.id) if name}
    assert (shown.name, shown.state) == ("copy order N1", "Completed")
    assert shown.message == f"order N1 ({source}) was copied to order {became}"
    assert shown.tasks == [("copy order", COPIED), *STEPS]
    noted = r"No error found\. Locked: .+\. Noted: lines to copy: 1, unusual SKUs: 0, .+"
    assert re.fullmatch(noted, shown.messages["check orders"])
    assert shown.tags == {"order:N1", f"source:{source}", "outcome:completed"} | names
    assert shown.artifacts == ["order-factory-copy", "where-the-time-went"]
    assert f"# Order N1 ({source}) was copied to order" in shown.data["order-factory-copy"]


def test_a_failed_order_has_these_runs_and_states(shop):
    source = shop.order(number="N2", lines=[("MUG", 0, 1_00)])
    message = "SKU MUG: the quantity 0 is below 1"

    state: Any = order_factory("N2", return_state=True)

    shown = Shown(state.result(raise_on_failure=False).result.flow_run_id, len(STEPS) + 1)
    name = public_id(Resource.orders, source)
    assert (shown.name, shown.state) == ("copy order N2", "Failed")
    assert shown.message == f"1 error while copying order N2 ({name}): line_items: {message}"
    ends = dict.fromkeys(dict(STEPS), IDLE)
    ends |= {"check orders": COPIED, "copy line items": FAILED, "record outcomes": COPIED}
    assert shown.tasks == [("copy order", COPIED), *ends.items()]
    assert shown.messages["copy line items"] == f"line_items: {message}"
    assert shown.tags == {"order:N2", f"source:{name}", "outcome:failed"}
    assert shown.artifacts == ["order-factory-copy", "order-factory-errors", "where-the-time-went"]


@pytest.mark.parametrize("part", ["copy customers", "copy addresses", "copy wallets"])
def test_the_task_of_the_wrong_part_fails(shop, part):
    customer = shop.customer(status="blocked" if part == "copy customers" else "acquired")
    long_ago = utc_now() - timedelta(days=400)
    card = shop.payment_source(wallet_of=customer, expires_at=long_ago)
    wrong = {
        "copy customers": {"payment_source_id": None},
        "copy addresses": {"payment_source_id": None, "billing_address_id": None},
        "copy wallets": {"payment_source_id": card},
    }[part]
    shop.order(number="N3", customer_id=customer, **wrong)

    state: Any = order_factory("N3", return_state=True)

    result = state.result(raise_on_failure=False).result
    shown = Shown(result.flow_run_id, len(STEPS) + 1)
    assert {name for name, ended in shown.tasks if ended == FAILED} == {part}
    ((field, messages),) = result.errors_log.items()
    assert shown.messages[part] == f"{field}: {messages[0]}"


def test_a_batch_of_two_parts_has_these_runs_and_states(shop):
    numbers = [shop.number_of(shop.order()) for _ in range(4)]

    bulk_order_factory(numbers, "night", batch_size=2)

    shown = Shown(shop.row(OrderFactoryBatch).flow_run_id, len(STEPS) + 3)
    assert (shown.name, shown.state) == ("copy batch night", "Completed")
    assert shown.message == "4 of 4 orders copied, 0 failed"
    assert shown.tasks == [
        ("copy batch 1", COPIED),
        *STEPS,
        ("copy batch 2", COPIED),
        ("authorize payments", COPIED),
    ]
    assert shown.tags == {"batch:night", "outcome:completed"}
    assert shown.artifacts == BATCH_ARTIFACTS
    times = json.loads(shown.data["where-the-time-went"])
    assert [set(time) for time in times] == [{"step", "rows", "seconds", "share"}] * len(times)
    rows = {time["step"]: time["rows"] for time in times}
    assert {name for name, _ in STEPS} <= set(rows)
    assert rows["copy orders"] == 4


def test_a_batch_completes_with_errors_if_some_orders_fail(shop):
    numbers = [shop.number_of(shop.order()) for _ in range(2)]
    numbers.append(shop.number_of(shop.order(lines=[("MUG", 0, 1_00)])))

    bulk_order_factory(numbers, "night")

    shown = Shown(shop.row(OrderFactoryBatch).flow_run_id, len(STEPS) + 2)
    assert (shown.state, shown.message) == (WITH_ERRORS, "2 of 3 orders copied, 1 failed")
    assert dict(shown.tasks) == dict(STEPS) | {
        "copy batch 1": COPIED,
        "copy line items": WITH_ERRORS,
        "authorize payments": COPIED,
    }
    assert shown.messages["copy line items"] == (
        "line_items: quantity_below_one in 1 order "
        "(for example: SKU MUG: the quantity 0 is below 1)"
    )
    assert shown.artifacts == ["bulk-order-factory-errors", *BATCH_ARTIFACTS]


def test_a_batch_fails_if_all_of_its_orders_fail(shop):
    number = shop.number_of(shop.order(lines=[("MUG", 0, 1_00)]))

    state: Any = bulk_order_factory([number], "night", return_state=True)

    assert (state.is_failed(), state.message) == (True, "0 of 1 order copied, 1 failed")
    assert state.result(raise_on_failure=False).result.failed == 1


def test_a_batch_whose_filter_matches_no_order(shop):
    shop.order()

    state: Any = bulk_order_factory(orders_where={"market": "Mars"}, return_state=True)

    assert state.is_completed()
    assert state.message.endswith("; nothing was copied")
    assert state.result().orders_count == 0
    assert shop.rows(OrderFactoryBatch) == []


def test_orders_requested_over_http_have_these_runs_and_states(shop):
    sources = [shop.order(number="N1"), shop.order(number="N2", lines=[("MUG", 0, 1_00)])]
    for source in sources:
        request_copy(source)

    assert drain_order_factories() == 2

    shown = Shown(run_of(shop), len(STEPS) + 2)
    assert (shown.name, shown.state) == ("copy pending orders", WITH_ERRORS)
    assert shown.message == "1 of 2 orders copied, 1 failed"
    assert shown.tasks[0] == ("copy single orders 1", COPIED)
    assert dict(shown.tasks) == dict(STEPS) | {
        "copy single orders 1": COPIED,
        "copy line items": WITH_ERRORS,
        "authorize payments": COPIED,
    }
    assert {"order:N1", "order:N2", "outcome:completed", "outcome:failed"} <= shown.tags
    assert shown.artifacts == ["order-factory-copy", "order-factory-errors", "where-the-time-went"]


def test_a_failed_copy_over_http_fails_the_run(shop):
    request_copy(shop.order(number="N1", lines=[("MUG", 0, 1_00)]))

    state = drain_order_factories(return_state=True)

    shown = Shown(run_of(shop), len(STEPS) + 2)
    assert state.is_failed()
    assert "SKU MUG: the quantity 0 is below 1" in (shown.message or "")
    assert dict(shown.tasks)["copy line items"] == FAILED
    assert {"order:N1", "outcome:failed"} <= shown.tags


def test_copies_over_http_and_batches_that_are_drained_are_published(shop, published_names):
    request_copy(shop.order())
    request_copy(shop.order(lines=[("MUG", 0, 1_00)]))
    change(OrderFactoryBatch, make_batch([request_copy(shop.order())]), drained_by_service=True)

    drain_order_factories()
    drain_order_factories()

    assert published_names == [
        "order_factory_batches.complete",
        "order_factories.complete",
        "order_factories.fail",
    ]


def test_only_the_first_of_many_copies_are_published_and_the_others_counted(
    shop, published_names, monkeypatch
):
    monkeypatch.setattr(account, "ORDERS_SHOWN", 1)
    for _ in range(3):
        request_copy(shop.order())

    drain_order_factories()

    shown = Shown(run_of(shop), len(STEPS) + 2)
    assert published_names == ["order_factories.complete", "order_factories.more"]
    assert "1 of 3 shown, and 2 more." in shown.data["order-factory-copy"]


def test_copies_that_a_sweep_finishes_are_published(shop, published_names):
    factory = request_copy(shop.order(number="N1"))
    change(OrderFactory, factory, created_at=utc_now() - timedelta(hours=1))

    swept = sweep_order_factories()

    shown = Shown(run_of(shop), len(STEPS) + 3)
    assert swept.single_copies == 1
    assert published_names == ["order_factories.complete"]
    assert (shown.state, shown.message) == (
        "Completed",
        "took over 0 batches, 1 single copy",
    )
    assert {"order:N1", "outcome:completed"} <= shown.tags
    assert shown.artifacts == ["order-factory-copy", "where-the-time-went"]


def test_a_further_part_of_a_batch_has_these_runs_and_states(shop):
    orders = [shop.order() for _ in range(2)]
    batch = make_batch([request_copy(order) for order in orders])
    reference = shop.row(OrderFactoryBatch, id=batch).reference

    copy_part(reference, part=1, size=2)

    shown = Shown(run_of(shop), len(STEPS) + 1)
    assert (shown.name, shown.state) == (f"copy part 1 of batch {reference}", "Completed")
    assert shown.tasks == [("copy batch 1", COPIED), *STEPS]
    assert shown.tags == {f"batch:{reference}"}
    assert shown.artifacts == ["bulk-order-factory-orders", "where-the-time-went"]


def test_a_run_of_subscriptions_has_these_runs_and_states(shop):
    subscribe_due(shop, make_placeable_order(shop))

    run_order_subscriptions()

    shown = Shown(run_of(shop), len(STEPS) + 4)
    reference = shop.row(OrderFactoryBatch).reference
    assert (shown.name, shown.state) == ("run order subscriptions", "Completed")
    assert dict(shown.tasks) == dict(STEPS) | {
        "copy batch 1": COPIED,
        "copy wallets": COPIED,
        "place target orders": COPIED,
        "authorize payments": COPIED,
        "take over what was left": COPIED,
    }
    assert len(shown.tasks) == len(STEPS) + 4  # the take-over authorizes payments, too
    assert shown.tags == {f"batch:{reference[:64]}", "outcome:completed"}
    assert shown.artifacts == BATCH_ARTIFACTS


def test_a_dry_run_has_these_runs_and_states(shop):
    numbers = [shop.number_of(shop.order()) for _ in range(2)]

    state = bulk_order_factory(numbers, "night", batch_size=1, dry_run=True, return_state=True)

    shown = Shown(state.state_details.flow_run_id, len(STEPS) + 3)
    assert (shown.name, shown.state) == ("copy batch night", "DryRun")
    assert shown.tasks == [
        ("dry run", COPIED),
        ("copy batch 1", COPIED),
        *STEPS,
        ("copy batch 2", COPIED),
    ]
    assert shown.tags == {"batch:night", "outcome:dry run"}
    assert shown.artifacts == [
        "bulk-order-factory-result",
        "bulk-order-factory-summary",
        "where-the-time-went",
    ]


def retry(flow_run_id):
    """What *Retry* in the Prefect UI does; the state in which the run ends."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, AwaitingRetry(), force=True)
        flow_run = client.read_flow_run(flow_run_id)
    return run_flow(order_factory, flow_run, {"source_order": "N1"}, return_type="state")


def test_a_retry_of_a_failed_copy_tries_again(shop):
    source = shop.order(number="N1", lines=[("MUG", 0, 1_00)])
    state: Any = order_factory("N1", return_state=True)
    failed = state.result(raise_on_failure=False).result

    still_wrong = retry(failed.flow_run_id)
    change(LineItem, shop.row(LineItem).id, quantity=1)
    mended = retry(failed.flow_run_id)
    once_more = retry(failed.flow_run_id)

    assert still_wrong.is_failed()
    assert mended.result().target_order == once_more.result().target_order is not None
    first, second, third = shop.rows(OrderFactory, source_order_id=source)
    assert [first.status, second.status, third.status] == ["failed", "failed", "completed"]
    assert [first.retry_of_id, second.retry_of_id, third.retry_of_id] == [None, first.id, second.id]
    assert find_violations() == []


def test_a_retry_makes_no_second_target_order(shop):
    shop.order(number="N1", payment_source_id=None)
    failed = order_factory("N1", place_target_order=True, return_state=True)

    again = retry(failed.state_details.flow_run_id)

    assert len(shop.rows(OrderFactory)) == 1
    assert again.is_failed()
    assert again.message.endswith(
        ". This run changed nothing. Place its target order, or start a new run for order N1."
    )
    assert find_violations() == []
