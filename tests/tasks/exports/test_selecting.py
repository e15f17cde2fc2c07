"""What an export selects, in which files, and how it goes on after it was stopped."""

import json
import os
import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from order_factory.models.errors import InvalidRequest
from order_factory.models.tables import LineItem, OrderFactory
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import Mode
from order_factory.tasks.exports import reading
from order_factory.tasks.exports.checkpoints import ExportTaken
from order_factory.tasks.exports.places import find_place
from tests.support.copying import copy_one
from tests.support.exporting import export

pytestmark = pytest.mark.usefixtures("verified")


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_an_export_contains_only_the_selected_rows_and_their_includes(shop, tmp_path):
    ann = shop.customer(email="ann@shop.example")
    home = shop.address(reference="home")
    first = shop.order(number="1", customer_id=ann, billing_address_id=home, market_name="EU")
    shop.option(shop.row(LineItem, order_id=first).id, reference="wrap")
    shop.order(number="2", market_name="US")
    shop.order_of_test_mode(number="3", market_name="EU")

    counts = export(
        "orders",
        tmp_path / "out",
        include=["customer", "billing_address", "line_items.line_item_options"],
        format="jsonl",
        market_name_in=["EU", "IT"],
        customer_email_end="shop.example",
    )

    assert counts == dict.fromkeys(
        ["customers", "addresses", "orders", "line_items", "line_item_options"], 1
    )
    (order,) = lines(tmp_path / "out/orders.jsonl")
    (line,) = lines(tmp_path / "out/line_items.jsonl")
    (option,) = lines(tmp_path / "out/line_item_options.jsonl")
    assert (order["number"], order["customer"], order["billing_address"]) == (
        "1",
        "ann@shop.example",
        "home",
    )
    assert (option["order_number"], option["line_item"]) == ("1", line["reference"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{name}.jsonl" for name in counts
    }


def test_records_that_no_import_reads_have_public_ids(shop, tmp_path):
    copy_one(shop.order(number="1"))
    factory = shop.row(OrderFactory)

    export("order_copies", tmp_path / "copies.parquet", source_order_number_eq="1")
    export("recurring_order_copies", tmp_path / "none.csv")
    export("customers", tmp_path / "customers.jsonl", include=[], id_eq="no id")

    (row,) = pq.read_table(tmp_path / "copies.parquet").to_pylist()
    assert row["id"] == public_id(Resource.order_factories, factory.id)
    assert row["target_order_id"] == public_id(Resource.orders, factory.target_order_id)
    assert (row["status"], row["completed_at"]) == ("completed", factory.completed_at)
    assert len((tmp_path / "none.csv").read_text().splitlines()) == 1
    assert (tmp_path / "customers.jsonl").read_text() == ""


@pytest.mark.parametrize(
    ("resource", "path", "given", "message"),
    [
        ("dogs", "a.csv", {}, "There is no resource 'dogs' to export. Use one of: all, customers"),
        ("all", "a.csv", {}, "The export has 18 files, one for each resource. Give a folder"),
        ("all", "a", {"include": ["orders"]}, "'all' exports everything: give no include"),
        (
            "orders",
            "a",
            {"include": ["line_items.dog"]},
            "'dog' cannot be included with line_items",
        ),
        ("orders", "a.csv", {"format": "parquet"}, "cannot be parquet: its name ends in .csv"),
        ("orders", "a", {"format": "xls"}, "There is no export format 'xls'. Use one of: csv"),
        ("orders", "a.csv", {"colour_eq": "red"}, "colour_eq is not an attribute of orders"),
        ("promotions", "a.csv", {"priority_eq": "x"}, "priority_eq needs an integer"),
    ],
)
def test_impossible_exports_are_refused(shop, tmp_path, resource, path, given, message):
    with pytest.raises(InvalidRequest) as refused:
        export(resource, tmp_path / path, **given)

    assert message in str(refused.value)
    assert list(tmp_path.rglob("*.csv")) == []


def stop_after_a_chunk():
    calls = iter((False, True))
    return lambda _records: next(calls)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_a_resumed_export_writes_the_same_files(shop, tmp_path, monkeypatch, format):
    monkeypatch.setattr(reading, "CHUNK_ROWS", 2)
    for _ in range(3):
        shop.order(lines=[("MUG", 1, 10_00), ("CAP", 2, 5_00)])
    options = {"include": ["line_items"], "format": format}
    expected = export("orders", tmp_path / "whole", **options)

    for _ in range(20):
        export("orders", tmp_path / "parts", **options, on_chunk=stop_after_a_chunk())
        shop.order()  # later rows are not exported
        # What was written after the last checkpoint does not count.
        for file in (tmp_path / "parts").glob(".*.chunks"):
            file.write_bytes(file.read_bytes() + b"half a ro")
        if not (tmp_path / "parts/.export.json").exists():
            break

    assert expected == {"orders": 3, "line_items": 6}
    files = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert files == [f"line_items.{format}", f"orders.{format}"]
    for name in files:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_one_process_at_a_time_writes_an_export(shop, tmp_path):
    place, _ = find_place(str(tmp_path / "orders.csv"), None, 1)

    with place.hold(), pytest.raises(ExportTaken):
        export("orders", tmp_path / "orders.csv")


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.support.copying import copy_one
from tests.support.exporting import export
from order_factory.tasks.exports import reading, writing
reading.CHUNK_ROWS = 2
chunks = []
def die(records):
    chunks.append(records)
    # It takes more memory than an export may.
    assert "pandas" not in sys.modules
    if len(chunks) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return False
export("all", Path(sys.argv[1]), format=sys.argv[2], on_chunk=die)
"""


@pytest.mark.slow  # a process imports everything before it dies
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_killed_export_continues(shop, tmp_path, monkeypatch, format):
    monkeypatch.setattr(reading, "CHUNK_ROWS", 2)
    for _ in range(5):
        shop.order()
    export("all", tmp_path / "whole", format=format)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "parts"), format],
        env=dict(os.environ),
        check=False,
    )
    before = json.loads((tmp_path / "parts/.export.json").read_text())
    export("all", tmp_path / "parts", format=format)

    assert killed.returncode == -signal.SIGKILL
    assert sum(each["records"] for each in before["files"].values()) == 4
    files = {path.name: path.read_bytes() for path in (tmp_path / "parts").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}


def test_each_mode_is_exported_for_itself(shop, tmp_path):
    shop.order(number="1")
    shop.order_of_test_mode(number="2")

    export("line_items", tmp_path / "live.csv")
    export("line_items", tmp_path / "test.csv", mode=Mode.TEST)

    assert [
        (tmp_path / f"{mode}.csv").read_text().splitlines()[1].split(",")[3] for mode in Mode
    ] == (["1", "2"] if next(iter(Mode)) == "live" else ["2", "1"])
