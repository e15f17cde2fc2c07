"""The flow that exports."""

from typing import Any

import pytest
from prefect.client.schemas.objects import StateType

from order_factory.flows import export_records
from order_factory.models.errors import InvalidRequest
from order_factory.models.results.exports import ExportStopped
from order_factory.tasks.exports import reading
from tests.support.shop import SOME_DAY

pytestmark = pytest.mark.usefixtures("prefect", "verified")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_cancelled_export_continues(shop, monkeypatch):
    monkeypatch.setattr(reading, "CHUNK_ROWS", 1)
    for number in ("1", "2", "3"):
        shop.order(number=number, customer_id=shop.customer(email=f"{number}@shop.example"))
    shop.order(number="4", status="draft")
    options: dict[str, Any] = {"orders_where": {"placed_from": SOME_DAY}, "include": ["customer"]}
    cancelled = iter([False, False, True])
    with monkeypatch.context() as patch:
        patch.setattr(
            "order_factory.flows.support.stop_signals.Stop._is_cancelled",
            lambda _stop: next(cancelled),
        )
        patch.setattr("order_factory.flows.support.stop_signals.POLL_SECONDS", 0.0)
        stopped = export_records("orders", "out", **options, return_state=True)

    state = export_records("orders", "out", **options, return_state=True)

    report = state.result()
    assert state.message == "6 records exported to out"
    assert stopped.type == StateType.CANCELLED
    with pytest.raises(ExportStopped, match=r"to 'out' was stopped after 2 records \(it was canc"):
        stopped.result()
    assert [(file.resource, file.records) for file in report.files] == [
        ("customers", 3),
        ("orders", 3),
    ]
    assert (report.records, report.resumed) == (6, True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"resource": "customers", "orders_where": {"market": "EU"}},
            "orders_where needs the resource orders",
        ),
        ({"format": "xls"}, "format: Input should be 'csv', 'jsonl' or 'parquet'"),
        (
            {"filters": {"status_like": "x"}},
            "status_like is not an attribute of orders with a matcher.",
        ),
        ({}, "'orders.csv' is a folder. Give the name of a file."),
    ],
)
def test_impossible_exports_are_refused(shop, given, message, tmp_path):
    (tmp_path / "orders.csv").mkdir()
    options = {"resource": "orders", "path": "orders.csv", **given}

    with pytest.raises(InvalidRequest) as refused:
        export_records(**options)

    assert message in str(refused.value)
