"""What the errors of some orders mean for the others of their batch."""

from typing import Any

import pandas as pd
import pytest

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.copy_part import copy_part
from order_factory.flows.order_factory import order_factory
from order_factory.models.errors import InvalidRequest
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.results.copies import BatchFailed, BatchUnfinished
from order_factory.models.tables import Order, OrderFactory, StockItem
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.copying.engine import CopiedOrders
from order_factory.tasks.copying.recipe import STEPS
from tests.support.copying import find_or_record, make_failing_step, read_database
from tests.support.verifying import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def numbers(shop):
    """Six orders. The second and the fifth have a line with an unknown SKU, the fifth no address."""
    orders = [shop.order(number=f"N{n}", payment_source_id=None) for n in range(4)]
    orders += [shop.order(number="N4", billing_address_id=None), shop.order(number="N5")]
    for invalid in (orders[1], orders[4]):
        shop.line(invalid, sku_code="GONE")
    return [f"N{n}" for n in range(6)]


def reject_batch(*given, **options):
    """Start a batch that is rejected; its result."""
    with pytest.raises(BatchFailed) as failed:
        bulk_order_factory(*given, **options)
    return failed.value.result


def statuses(shop):
    return [row.status for row in shop.rows(OrderFactory)]


def test_reject_everything_copies_nothing_and_reports_every_error(shop, numbers):
    state: Any = bulk_order_factory(
        numbers,
        "night",
        batch_size=2,
        error_policy=ErrorPolicy.REJECT_EVERYTHING,
        return_state=True,
    )

    result = state.result(raise_on_failure=False).result
    assert (state.is_failed(), state.name, state.message) == (
        True,
        "Rejected",
        "2 of 6 orders cannot be copied, so none was copied",
    )
    assert statuses(shop) == ["aborted", "failed", "aborted", "aborted", "failed", "aborted"]
    assert len(shop.rows(Order)) == 6
    assert [row.errors_log for row in shop.rows(OrderFactory) if row.errors_log] == [
        {"line_items": ["SKU GONE is no longer in the catalogue"]},
        {
            "billing_address": ["the order has no billing address"],
            "line_items": ["SKU GONE is no longer in the catalogue"],
        },
    ]
    assert (result.status, result.failed, result.aborted) == ("completed", 2, 4)
    report = pd.read_csv(result.report_path or "")
    assert list(report["status"]) == statuses(shop)
    expected_message = "line_items: SKU GONE is no longer in the catalogue"
    homeless = "billing_address: the order has no billing address"
    detail = [set(errors.split("\n")) for errors in report["errors"].fillna("")]
    assert detail == [{""}, {expected_message}, {""}, {""}, {expected_message, homeless}, {""}]
    assert find_violations() == []


def test_reject_everything_copies_a_batch_without_errors(shop, numbers):
    state: Any = bulk_order_factory(
        ["N0", "N2", "N3"],
        batch_size=2,
        error_policy=ErrorPolicy.REJECT_EVERYTHING,
        return_state=True,
    )

    assert state.name == "Completed"
    assert statuses(shop) == ["completed"] * 3
    assert len(shop.rows(Order)) == 9
    assert find_violations() == []


def test_reject_everything_gives_stock_and_placements_back(shop, numbers):
    before = [row.quantity for row in shop.rows(StockItem)]

    result = reject_batch(
        ["N0", "N5"], place_target_order=True, error_policy=ErrorPolicy.REJECT_EVERYTHING
    )

    assert (result.failed, result.aborted) == (2, 0), "neither has a payment source"
    assert [row.quantity for row in shop.rows(StockItem)] == before
    assert len(shop.rows(Order)) == 6
    assert find_violations() == []


def test_reject_everything_reports_unexpected_errors(shop, numbers, monkeypatch):
    victim = shop.row(Order, number="N2").id
    STEPS.insert(4, make_failing_step(victim))

    result = reject_batch(["N0", "N2", "N3"], error_policy=ErrorPolicy.REJECT_EVERYTHING)

    assert statuses(shop) == ["aborted", "failed", "aborted"]
    assert result.errors[0].example_message == "could not be copied: unexpected RuntimeError"
    assert find_violations() == []


def test_a_rejected_batch_copies_nothing_when_resumed(shop, numbers):
    reject_batch(numbers, "night", error_policy=ErrorPolicy.REJECT_EVERYTHING)
    before = read_database()

    again = reject_batch(reference="night")

    assert (again.copied_in_this_run, again.is_rejected) == (0, True)
    assert read_database() == before


def test_a_batch_that_was_interrupted_is_resumed_with_its_own_policy(shop, numbers, monkeypatch):
    def raise_error(*_, **_options):
        raise RuntimeError("cut off")

    with monkeypatch.context() as patched:
        patched.setattr("order_factory.tasks.copy_whole_batch.copy_claimed", raise_error)
        with pytest.raises(RuntimeError):
            bulk_order_factory(numbers, "night", error_policy=ErrorPolicy.REJECT_EVERYTHING)
    assert set(statuses(shop)) == {"pending"}

    result = reject_batch(reference="night")

    assert (result.failed, result.aborted) == (2, 4)
    assert find_violations() == []


def test_a_batch_that_cannot_be_closed_is_rolled_back(shop, numbers, monkeypatch):
    monkeypatch.setattr(
        "order_factory.tasks.copy_whole_batch.copy_claimed",
        lambda *_, **_options: CopiedOrders(stuck=[1]),
    )

    with pytest.raises(BatchUnfinished, match="everything was rolled back: order factory "):
        bulk_order_factory(["N0", "N2"], "night", error_policy=ErrorPolicy.REJECT_EVERYTHING)

    assert set(statuses(shop)) == {"pending"}
    assert find_violations() == []


def test_skip_errors_copies_the_valid_parts(shop, numbers):
    result = bulk_order_factory(numbers, error_policy=ErrorPolicy.SKIP_ERRORS)

    assert (result.completed, result.completed_with_errors, result.failed) == (6, 2, 0)
    assert find_violations() == []


@pytest.mark.parametrize(
    ("orders", "given"),
    [
        (["N0"], {"skip_errors": True}),
        (pd.DataFrame({"source_order": ["N0"], "skip_errors": [True]}), {}),
    ],
)
def test_skipping_errors_and_rejecting_everything_exclude_each_other(shop, numbers, orders, given):
    before = read_database()

    with pytest.raises(InvalidRequest, match="Change the policy or these options"):
        bulk_order_factory(orders, error_policy=ErrorPolicy.REJECT_EVERYTHING, **given)

    assert read_database() == before


@pytest.mark.parametrize("given", [{"error_policy": "skip_errors"}, {"place_target_order": True}])
def test_a_batch_that_is_resumed_keeps_its_own_options(shop, numbers, given):
    bulk_order_factory(numbers, "night")

    with pytest.raises(InvalidRequest, match="The batch 'night' has its own options"):
        bulk_order_factory(reference="night", **given)


@pytest.fixture
def whole_batch(shop, numbers):
    """A batch that is recorded, to be copied as a whole or not at all."""
    return find_or_record("whole", CopyOptions(), numbers, policy=ErrorPolicy.REJECT_EVERYTHING)


@pytest.mark.usefixtures("whole_batch")
@pytest.mark.parametrize(
    "copy_some",
    [
        lambda _first: bulk_order_factory(reference="whole", runner="flow_runs"),
        lambda _first: copy_part("whole"),
        lambda first: order_factory(order_factory_id=first),
    ],
    ids=["another runner", "a part", "one factory"],
)
def test_no_part_of_an_indivisible_batch_is_copied_on_its_own(shop, copy_some):
    first = public_id(Resource.order_factories, shop.rows(OrderFactory)[0].id)
    before = read_database()

    with pytest.raises(InvalidRequest, match="'whole' is copied as a whole or not at all"):
        copy_some(first)

    assert read_database() == before
    result = reject_batch(reference="whole")
    assert (result.failed, result.aborted, result.completed) == (2, 4, 0)
