"""Wrong input is reported before Prefect starts, which takes seconds."""

from pathlib import Path

import pytest

from order_factory.cli import flow_runs
from order_factory.models.tables import OrderFactory, OrderFactoryBatch

FILES = {
    "columns.csv": "nummer\nA1\n",
    "values.csv": "source_order,skip_errors\nA1,maybe\n",
    "unknown.csv": "source_order\nA1\nA9\n",
    "empty.csv": "",
    "damaged.xlsx": "text",
    "notes.txt": "A1\n",
    "taken": "",
    "shop/customers.csv": "emial\nann@shop.example\n",
    "good.csv": "source_order\nA1\n",
}
LONG = "x" * 300


@pytest.fixture(autouse=True)
def _files(shop, monkeypatch):
    shop.order(number="A1")
    for name, text in FILES.items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def refuse(terminal):
        raise AssertionError("Prefect was started")

    monkeypatch.setattr(flow_runs, "start_prefect", refuse)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bulk", "missing.csv"], "The file 'missing.csv' does not exist"),
        (["bulk", "columns.csv"], "the column 'source_order' is missing"),
        (["bulk", "values.csv"], "line 2, skip_errors: true or false is expected"),
        (["bulk", "unknown.csv"], "line 3: no live order has the number or id 'A9'"),
        (["bulk", "empty.csv"], "it is empty"),
        (["bulk", "damaged.xlsx"], "it is no readable .xlsx file"),
        (["bulk", "notes.txt"], "its name must end in .csv"),
        (["bulk", "--order", "A9"], "The list of 1 order cannot be used"),
        (["bulk", "good.csv", "--mode", "test"], "no test order has the number or id 'A1'"),
        (["bulk", "good.csv", "--reference", LONG], "--reference: has 300 characters"),
        (["bulk", "good.csv", "--reference", ""], "--reference: "),
        (["bulk", "good.csv", "--report", "night.pdf"], "must end in .csv"),
        (["bulk", "good.csv", "--report", "taken/night.csv"], "cannot be written"),
        (["bulk", "--resume", "none"], "No batch has the reference 'none'"),
        (["copy", "A9"], "No live order has the id or number 'A9'"),
        (["copy", "A1", "--reference", LONG], "--reference: has 300 characters"),
        (["copy", "A1", "--metadata", "[]"], "--metadata is not a JSON object"),
        (["copy", "A1", "--idempotency-key", LONG], "--idempotency-key: has 300 characters"),
        (["copy", "A1", "--dry-run", "--again"], "Do not combine it with --again"),
        (["copy", "A1", "--dry-run", "--idempotency-key", "k"], "with --idempotency-key"),
        (["copy", "--order-factory-id", "f", "--dry-run"], "with --order-factory-id"),
        (["copy", "A1", "--again", "--idempotency-key", "k"], "Give either --again or"),
        (["copy", "--order-factory-id", "f", "--again"], "without other options"),
        (["copy", "--order-factory-id", "f", "--place-target-order"], "without other options"),
        (["refund", "A1", "--idempotency-key", " "], "--idempotency-key: must not be blank"),
        (["refund", "A9"], "row 1: no live order has the number or id 'A9'"),
        (["place", "A1", "A9"], "cannot be used, and nothing was changed:\n  row 2: no live"),
        (["capture", "unknown.csv"], "line 3: no live order has the number or id 'A9'"),
        (["cancel", "A1", "--mode", "test"], "there is a live order: use --mode live"),
        (["import", "nowhere"], "There is no file or folder 'nowhere'"),
        (["import", "shop"], "unknown: 'emial' (is email meant?)"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_wrong_input_is_reported_before_prefect_starts(run, shop, arguments, message):
    output = run(*arguments)

    assert output.code == 2
    assert message in output.err
    assert shop.rows(OrderFactory) == shop.rows(OrderFactoryBatch) == []


def test_correct_input_reaches_prefect(run):
    output = run("bulk", "good.csv")

    assert output.code == 1
    assert "An unexpected AssertionError" in output.err
