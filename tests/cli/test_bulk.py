"""`order-factory bulk`, `batches` and `batch`."""

import os
import signal
from datetime import UTC, datetime

import pandas as pd
import pytest
from prefect import get_client

from order_factory.cli import flow_runs
from order_factory.cli.program import command_line
from order_factory.models.tables import Order, OrderFactory, OrderFactoryBatch
from order_factory.models.values.public_ids import Resource, public_id
from tests.support.copying import insert_step

pytestmark = pytest.mark.slow

PERSONAL = ("buyer@shop.example", "customer-", "Test Street", "Testville", "pm_test")


@pytest.fixture
def numbers(shop):
    """Three placed orders, of which the second cannot be copied."""
    for number in ("A1", "A2", "A3"):
        shop.order(number=number, catalogued=number != "A2", lines=[(f"SKU-{number}", 1, 5_00)])
    return ["A1", "A2", "A3"]


@pytest.mark.usefixtures("prefect", "numbers")
def test_copies_the_orders_of_a_file_and_accounts_for_them(shop, run, tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("source_order,reference\nA1,one\nA2,two\nA3,three\n")

    output = run("bulk", str(file), "--reference", "january", "--report", "january.parquet")
    batch = run("batch", "january")
    batches = run("batches")

    assert (output.code, batch.code, batches.code) == (1, 0, 0)
    assert [row.status for row in shop.rows(OrderFactory)] == ["completed", "failed", "completed"]
    for words in (output.out, batch.out):
        assert [line.split() for line in words.splitlines()[1:5]] == [
            ["status", "completed"],
            ["orders", "3"],
            ["copied", "2"],
            ["failed", "1"],
        ]
        assert "SKU SKU-A2 is no longer in the catalogue" in words
    assert "Report: january.parquet\nPage:   january.parquet.html\n" in output.out
    assert "order-factory bulk --failed-of january\n" in output.out.partition("Next:\n")[2]
    assert "Report:" not in batch.out
    assert batches.out.splitlines()[2].split()[:6] == ["january", "completed", "3", "2", "1", "0"]
    assert list(pd.read_parquet("january.parquet")["source_order"]) == ["A1", "A2", "A3"]
    message = "".join(each.out + each.err for each in (output, batch, batches))
    assert not any(words in message for words in PERSONAL)


@pytest.mark.usefixtures("prefect", "numbers")
def test_prints_everything_as_json(run):
    output = run("bulk", "--order", "A1", "--order", "A2", "--reference", "two", "--json")
    batch = run("batch", "two", "--json")
    batches = run("batches", "--json")

    result = output.json
    assert (output.code, batch.code, batches.code) == (1, 0, 0)
    counts = {"orders_count": 2, "completed": 1, "failed": 1, "pending": 0, "in_progress": 0}
    assert {name: result[name] for name in counts} == counts
    assert result["copied_in_this_run"] == 2
    assert result["orders_per_second"] > 0
    assert result["report_path"] == "var/reports/two.csv"
    assert result["page_path"] == "var/reports/two.html"
    assert result["errors"] == [
        {
            "field": "line_items",
            "code": "sku_not_in_catalogue",
            "count": 1,
            "orders": 1,
            "example_message": "SKU SKU-A2 is no longer in the catalogue",
            "example_order": "A2",
        }
    ]
    assert batch.json["errors"] == result["errors"]
    (listed,) = batches.json["batches"]
    assert {name: listed[name] for name in counts} == counts
    assert (listed["reference"], listed["id"]) == ("two", result["id"])


@pytest.mark.usefixtures("prefect", "numbers")
def test_all_orders_selects_every_placed_order_that_is_not_a_copy(shop, run):
    shop.order(number="D1", status="draft")
    shop.order(number="T1", mode="test")
    run("bulk", "--order", "A1", "--place-target-order")

    output = run("bulk", "--all-orders", "--json")
    limited = run("bulk", "--all-orders", "--limit", "1", "--json")
    of_test_mode = run("bulk", "--all-orders", "--mode", "test", "--json")

    counts = [each.json["orders_count"] for each in (output, limited, of_test_mode)]
    assert counts == [3, 1, 1]
    assert [each.code for each in (output, limited, of_test_mode)] == [1, 0, 0]


@pytest.mark.usefixtures("prefect", "numbers")
def test_copies_the_orders_that_match_a_filter(shop, run):
    ada = shop.customer(email="ada@shop.example")
    when = datetime(2026, 3, 1, tzinfo=UTC)
    shop.order(number="B1", customer_id=ada, placed_at=when, market_name="EU", reference="web")
    shop.order(number="B2", customer_id=ada, placed_at=when, status="approved")
    filters = [
        ["--customer", "ada@shop.example"],
        ["--customer", "ada@shop.example", "--limit", "1"],
        ["--status", "placed", "--status", "cancelled"],
        ["--placed-from", "2026-03-01", "--placed-before", "2026-03-02"],
        ["--market", "EU", "--sku", "MUG", "--order-reference", "web"],
        ["--sku", "SKU-A1"],
        ["--sku", "SKU-A1", "--include-copies"],
    ]

    output = [run("bulk", *options, "--json") for options in filters]

    assert [each.json["orders_count"] for each in output] == [2, 1, 4, 2, 1, 1, 1]
    batches = shop.rows(OrderFactoryBatch)
    customer = public_id(Resource.customers, ada)
    assert batches[0].selection.endswith(f"of customer {customer}, copies left out")
    with get_client(sync_client=True) as client:
        stored = client.read_flow_run(batches[0].flow_run_id).parameters
    assert stored["orders_where"]["customer"] == customer


@pytest.mark.usefixtures("prefect", "numbers")
def test_retries_the_failed_copies_of_a_batch(shop, run):
    run("bulk", "--all-orders", "--reference", "night")
    shop.sku("SKU-A2")

    output = run("bulk", "--failed-of", "night", "--json")
    again = run("bulk", "--failed-of", "night")

    assert (output.code, output.json["orders_count"], output.json["completed"]) == (0, 1, 1)
    assert again.code == 2
    assert "batch 'night' has no failed copy to try again; 1 left out, tried again" in again.err


@pytest.mark.usefixtures("prefect", "numbers")
def test_an_order_whose_number_exists_in_both_modes_is_found(shop, run):
    shop.order(number="A1", mode="test")

    output = run("bulk", "--all-orders", "--limit", "1", "--json")

    assert (output.code, output.json["completed"]) == (0, 1)
    assert shop.row(OrderFactory).mode == "live"


@pytest.mark.usefixtures("prefect", "numbers")
def test_a_batch_that_is_resumed_copies_nothing_twice(shop, run):
    run("bulk", "--order", "A1", "--order", "A3", "--reference", "two")

    output = run("bulk", "--resume", "two")
    with_options = run("bulk", "--resume", "two", "--skip-errors")

    assert (output.code, with_options.code) == (0, 2)
    assert "no copies were left to make" in output.out
    assert len(shop.rows(Order)) == 5
    assert with_options.err == (
        "Error: The batch 'two' has its own reference and options. Use --resume without others.\n"
    )


@pytest.mark.usefixtures("prefect")
def test_a_wrong_selection_is_reported_by_row(shop, run, tmp_path, numbers):
    file = tmp_path / "orders.csv"
    file.write_text("source_order\nA1\nA9\n")

    output = run("bulk", str(file))

    assert (output.code, output.out) == (2, "")
    assert "line 3: no live order has the number or id 'A9'" in output.err
    assert shop.rows(OrderFactoryBatch) == []


@pytest.mark.usefixtures("numbers")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Choose the orders: give one of FILE, --order, --all-orders, --failed-of"),
        (["a.csv", "--order", "A1"], "Choose the orders: give one of FILE, --order,"),
        (["a.csv"], "The file 'a.csv' does not exist. Give a file that lists orders."),
        (
            ["1001"],
            "The file '1001' does not exist. If it is an order's number, use `{program} copy 1001`",
        ),
        (["--order", "A1", "--report", "a.txt"], "The report 'a.txt' must end in .csv,"),
        (
            ["--order", "A1", "--limit", "2"],
            "--limit cannot be given with --order. Use --all-orders",
        ),
        (["--mode", "test"], "Choose the orders: give one of FILE, --order, --all-orders,"),
        (["a.csv", "--sku", "MUG"], "Choose the orders: give one of FILE, --order, --all-orders,"),
        (["--all-orders", "--sku", "MUG"], "Choose the orders: give one of FILE, --order,"),
        (["--failed-of", "none"], "No batch has the reference 'none'; `order-factory batches`"),
        (["--placed-from", "20260131"], "--placed-from a date such as 2026-01-31 or a time such"),
        (["--status", "lost"], "--status Input should be 'draft', 'pending', 'editing'"),
        (["--customer", "no@x.example"], "The filter cannot be used, and nothing was copied:"),
        (["--order", "A1", "--dask-address", "tcp://h:1"], "--dask-address needs --runner"),
        (["--resume", "none"], "No batch has the reference 'none'; `order-factory batches`"),
        (
            ["--all-orders", "--mode", "test"],
            "The filter cannot be used, and nothing was copied:\n  no order matches: test",
        ),
    ],
)
def test_wrong_calls_are_refused_at_once(shop, run, arguments, message):
    message = message.replace("{program}", command_line())
    shown = run("bulk", *arguments)
    as_json = run("bulk", *arguments, "--json")

    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith(f"Error: {message}")
    assert (as_json.code, as_json.err) == (2, "")
    assert as_json.json["error"]["message"].startswith(message)
    assert shop.rows(OrderFactoryBatch) == []


@pytest.mark.usefixtures("prefect", "numbers")
def test_ctrl_c_explains_how_to_continue(run, monkeypatch):
    run("bulk", "--order", "A1", "--reference", "one")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(flow_runs, "run_flow", stop)
    early = run("bulk", "--order", "A3", "--reference", "new")
    late = run("bulk", "--resume", "one", "--json")

    assert (early.code, late.code) == (130, 130)
    assert "Stopped before anything was recorded. Nothing was changed." in early.err
    assert late.json["error"]["code"] == "interrupted"
    assert late.json["error"]["message"].endswith("bulk --resume one`.")


@pytest.mark.usefixtures("prefect")
def test_ctrl_c_ends_after_the_current_batch(shop, run, numbers):
    def interrupt(_db, _batch):
        os.kill(os.getpid(), signal.SIGINT)
        return 0

    with insert_step(interrupt, at=0):
        stopped = run(
            "bulk", "--order", "A1", "--order", "A3", "--batch-size", "1", "--reference", "two"
        )
    listed = run("batches", "--json")
    resumed = run("bulk", "--resume", "two", "--json")

    assert stopped.code == 130
    assert "To finish the batch, run `" in stopped.err
    assert "bulk --resume two`." in stopped.err
    (batch,) = listed.json["batches"]
    assert (batch["status"], batch["completed"], batch["pending"]) == ("aborted", 1, 1)
    assert (resumed.code, resumed.json["status"]) == (0, "completed")
    assert (resumed.json["completed"], resumed.json["copied_in_this_run"]) == (2, 1)


def test_the_list_of_batches_can_be_empty(shop, run):
    output = run("batches")
    unknown = run("batch", "none")

    assert (output.code, output.out.splitlines()[0]) == (0, "There are no batches yet.")
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err.startswith("Error: No batch has the reference 'none';")
