"""Errors of a call: they can be pickled, and their messages give advice."""

import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from order_factory.models import errors
from order_factory.models.errors import (
    CopyDiffers,
    OrderFactoryError,
    PaymentUnknown,
    RowsInvalid,
    SelectionInvalid,
    TryAgain,
)
from order_factory.models.results.copies import (
    BatchUnfinished,
    BulkResult,
    OrderFactoryFailed,
    OrderFactoryResult,
    OrderRef,
    summary,
)
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.statuses import BatchStatus, OrderStatus
from order_factory.tasks.working_set.step import StepFailed

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def result(**values):
    defaults = {
        "id": "vcKWNZawyW",
        "type": "order_copies",
        "mode": "live",
        "status": "failed",
        "source_order": OrderRef(id="aLzxsmcdxs", number="1001", status=OrderStatus.PLACED),
        "target_order": None,
        "started_at": NOW,
        "completed_at": None,
        "failed_at": NOW,
        "errors_log": {"customer": ["the customer is blocked"], "line_items": ["a", "b"]},
        "errors_count": 3,
        "place_target_order": False,
        "reuse_wallet": True,
        "skip_errors": False,
        "cancel_source_order": False,
        "apply_promotions": False,
        "ignore_invalid_coupon": False,
        "refresh_prices": False,
        "stock": "take",
        "reference": None,
        "reference_origin": None,
        "metadata": {"any": ["thing"]},
        "batch_reference": None,
        "flow_run_id": None,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return OrderFactoryResult.model_validate(defaults | values)


def bulk_result():
    statuses = ["pending", "in_progress", "completed", "failed", "aborted"]
    counts: dict[str, Any] = dict.fromkeys(statuses, 1)
    return BulkResult(
        reference="spring",
        id="vcKWNZawyW",
        status=BatchStatus.IN_PROGRESS,
        orders_count=5,
        **counts,
        completed_with_errors=0,
        errors=[],
        seconds=1.5,
        copied_in_this_run=3,
        report_path=None,
        page_path=None,
        error_policy=ErrorPolicy.REJECT_FAILED,
    )


SIMPLE = {
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, OrderFactoryError)
}
ERRORS = [
    *(
        error("one", "two")
        for error in sorted(
            SIMPLE - {SelectionInvalid, RowsInvalid, PaymentUnknown, CopyDiffers},
            key=lambda each: each.__name__,
        )
    ),
    CopyDiffers("XWRdMrlSkJ", "reference 'buy-0'", "for another order"),
    PaymentUnknown("XWRdMrlSkJ", ["the payment gateway test cannot be reached"]),
    SelectionInvalid("orders.csv", ["row 2: no such order", "row 3: no such order"]),
    RowsInvalid("orders.csv", ["row 2: no such order"], 2),
    OrderFactoryFailed(result()),
    BatchUnfinished(bulk_result(), ["the database was gone"]),
    StepFailed("line_items", "could not be copied"),
    TryAgain("OperationalError, 40001"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling(error):
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.args == error.args
    assert (again.status, again.code) == (error.status, error.code)
    assert 400 <= again.status < 600


def test_the_error_of_a_failed_copy_keeps_its_result_when_pickled():
    error = pickle.loads(pickle.dumps(OrderFactoryFailed(result())))

    assert error.result == result()
    assert str(error) == (
        "3 errors while copying order 1001 (aLzxsmcdxs): "
        "customer: the customer is blocked; line_items: a; line_items: b"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"errors_log": {"line_items": ["the order has no line item"]}, "errors_count": 1},
            "1 error while copying order 1001 (aLzxsmcdxs): line_items: the order has no line item",
        ),
        (
            {
                "errors_log": None,
                "errors_count": 0,
                "target_order": OrderRef(id="vcKWNZawyW", number=None, status=OrderStatus.PENDING),
            },
            "order 1001 (aLzxsmcdxs) was copied to order vcKWNZawyW",
        ),
        (
            {
                "errors_log": None,
                "errors_count": 0,
                "source_order": OrderRef(id="aLzxsmcdxs", number=None, status=OrderStatus.DRAFT),
                "target_order": OrderRef(id="vcKWNZawyW", number="OF2", status=OrderStatus.PLACED),
            },
            "order aLzxsmcdxs was copied to order OF2 (vcKWNZawyW)",
        ),
        (
            {
                "errors_log": None,
                "errors_count": 0,
                "target_order": OrderRef(id="vcKWNZawyW", number="1002", status=OrderStatus.DRAFT),
                "merge_into": "1002",
            },
            "order 1001 (aLzxsmcdxs) was added to order 1002 (vcKWNZawyW)",
        ),
    ],
)
def test_a_summary_shows_the_outcome(values, message):
    assert summary(result(**values)) == message


def test_a_long_list_of_problems_is_shortened():
    problems = [f"row {nth}: no such order" for nth in range(2, 2002)]

    message = str(SelectionInvalid("orders.csv", problems))

    assert message.startswith("orders.csv cannot be used, and nothing was copied:\n  row 2: ")
    assert message.endswith("row 21: no such order\n  ... and 1980 more")
