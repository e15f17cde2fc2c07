"""The `bulk_order_factory` flow, on Prefect's own server."""

import json
from typing import Any
from uuid import UUID

import pandas as pd
import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.models.errors import BatchNotFound, InvalidRequest, SelectionInvalid
from order_factory.models.tables import Event, Order, OrderFactory, OrderFactoryBatch
from order_factory.models.values.public_ids import Resource, public_id

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Reports go under the current folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def numbers(shop):
    """Six orders. The second and the fifth have a line with an unknown SKU."""
    orders = [shop.order(number=f"N{n}") for n in range(6)]
    for invalid in (orders[1], orders[4]):
        shop.line(invalid, sku_code="GONE")
    return [f"N{n}" for n in range(6)]


def test_copies_the_valid_orders_and_reports_the_others(shop, numbers):
    state = bulk_order_factory(numbers, reference="night", batch_size=4, return_state=True)

    result = state.result()
    assert state.name == "CompletedWithErrors"
    assert state.message == "4 of 6 orders copied, 2 failed"
    assert (result.status, result.orders_count) == ("completed", 6)
    assert (result.completed, result.failed, result.pending) == (4, 2, 0)
    assert result.copied_in_this_run == 6
    assert result.errors_frame().to_dict("records") == [
        {
            "field": "line_items",
            "code": "sku_not_in_catalogue",
            "count": 2,
            "orders": 2,
            "example_message": "SKU GONE is no longer in the catalogue",
            "example_order": "N1",
        }
    ]
    assert len(shop.rows(Order)) == 10
    assert [row.status for row in shop.rows(OrderFactory)] == [
        "completed",
        "failed",
        "completed",
        "completed",
        "failed",
        "completed",
    ]
    assert {row.flow_run_id for row in shop.rows(OrderFactory)} == {
        shop.row(OrderFactoryBatch).flow_run_id
    }
    events = [event.name for event in shop.rows(Event)]
    of_batch = [name for name in events if name.startswith("order_factory_batches")]
    assert of_batch == [
        f"order_factory_batches.{name}" for name in ("create", "start", "complete", "fail")
    ]
    assert len(events) == 18 + len(of_batch)


def test_the_report_has_a_row_per_factory(shop, numbers, tmp_path):
    result = bulk_order_factory(numbers, reference="a/b night", report_path="out/r.parquet")
    again = bulk_order_factory(reference="a/b night")

    by_default = pd.read_csv(tmp_path / "var/reports/a-b-night.csv", dtype=str)
    report = pd.read_parquet(tmp_path / "out/r.parquet")
    assert result.report_path == "out/r.parquet"
    assert again.report_path == "var/reports/a-b-night.csv"
    assert list(report["source_order"]) == list(by_default["source_order"]) == numbers
    assert list(report["status"]) == [
        "completed",
        "failed",
        "completed",
        "completed",
        "failed",
        "completed",
    ]
    assert report["errors"][1] == "line_items: SKU GONE is no longer in the catalogue"
    assert list(report["target_order"].isna()) == [False, True, False, False, True, False]
    assert (result.page_path, again.page_path) == (
        "out/r.parquet.html",
        "var/reports/a-b-night.html",
    )
    assert '<a href="r.parquet">' in (tmp_path / "out/r.parquet.html").read_text()
    assert '<a href="a-b-night.csv">' in (tmp_path / "var/reports/a-b-night.html").read_text()


def test_the_ui_shows_progress_and_outcome(shop, numbers, monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_API_PUBLIC_URL", "https://orders.example.com/")

    result = bulk_order_factory(numbers, reference="night_1")

    run = UUID(shop.row(OrderFactoryBatch).flow_run_id)
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        )
        tags = client.read_flow_run(run).tags
    shown: dict[str | None, Any] = {a.key or a.type: a.data for a in artifacts}
    rows = [(row["what"], row["count"]) for row in json.loads(shown["bulk-order-factory-result"])]
    expected_error = {"field": "line_items", "message": "SKU GONE is no longer in the catalogue"}
    link = f"https://orders.example.com/api/order_factory_batches/{result.id}"
    assert set(tags) == {"batch:night_1", "outcome:completed with errors"}
    assert shown["progress"] == 100
    assert json.loads(shown["bulk-order-factory-errors"]) == [
        {"order": "N1"} | expected_error,
        {"order": "N4"} | expected_error,
    ]
    assert shown["order-factory-batches-resource"] == f"[{link}]({link})"
    assert rows == [
        ("orders", 6),
        ("copied", 4),
        ("copied in part", 0),
        ("failed", 2),
        ("line_items: sku_not_in_catalogue", 2),
    ]
    assert shown["bulk-order-factory-summary"].startswith(
        "# Batch night\\_1: 4 of 6 orders copied\n"
    )
    assert "- Page: var/reports/night\\_1.html\n" in shown["bulk-order-factory-summary"]


def test_started_again_under_its_reference_a_batch_copies_nothing_twice(shop, numbers):
    bulk_order_factory(numbers, reference="night")

    with_orders = bulk_order_factory(numbers, reference="night")
    without = bulk_order_factory(reference="night")

    assert (with_orders.copied_in_this_run, without.copied_in_this_run) == (0, 0)
    assert (without.completed, without.failed) == (4, 2)
    assert len(shop.rows(OrderFactory)) == 6
    assert len(shop.rows(Order)) == 10


def test_a_reference_belongs_to_one_selection(shop, numbers):
    bulk_order_factory(numbers[:2], reference="night")

    with pytest.raises(InvalidRequest, match="'night' was recorded for another selection"):
        bulk_order_factory(numbers, reference="night")

    assert len(shop.rows(OrderFactory)) == 2


def test_each_row_of_a_frame_has_its_own_options(shop):
    customer = shop.customer()
    source = shop.order(
        number="A1",
        customer_id=customer,
        payment_source_id=shop.payment_source(wallet_of=customer),
    )
    frame = pd.DataFrame(
        {
            "source_order": ["A1", public_id(Resource.orders, source), "A1"],
            "reference": ["one", "two", "three"],
            "place_target_order": [True, None, False],
            "reuse_wallet": [None, None, False],
            "metadata": [None, {"gift": True}, '{"gift": false}'],
        }
    )

    bulk_order_factory(frame)

    factories = shop.rows(OrderFactory)
    targets = [shop.row(Order, id=row.target_order_id) for row in factories]
    assert [row.reference for row in factories] == ["one", "two", "three"]
    assert [row.metadata for row in factories] == [None, {"gift": True}, {"gift": False}]
    assert [target.status for target in targets] == ["placed", "pending", "pending"]
    assert [target.payment_source_id is None for target in targets] == [False, False, True]


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx", "jsonl"])
def test_files_of_every_format_give_the_same_selection(shop, numbers, tmp_path, ending):
    frame = pd.DataFrame({"source_order": numbers[:3], "skip_errors": [False, True, None]})
    path = tmp_path / f"orders.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "parquet":
        frame.to_parquet(path)
    elif ending == "xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)

    result = bulk_order_factory(str(path))

    assert (result.completed, result.completed_with_errors) == (3, 1)


def test_a_filter_from_a_form_selects_orders(shop, numbers):
    shop.line(shop.row(Order, number="N3").id, sku_code="CAP", quantity=0)

    state = bulk_order_factory(orders_where={"sku": "CAP", "status": ["placed"]}, return_state=True)

    assert state.message == "0 of 1 order copied, 1 failed"
    assert shop.row(OrderFactory).source_order_id == shop.row(Order, number="N3").id


def test_failed_copies_are_retried(shop, numbers):
    bulk_order_factory(numbers, reference="night")
    shop.sku("GONE")

    again = bulk_order_factory(failed_of="night", reference="again")
    resumed = bulk_order_factory(reference="again")

    assert (again.orders_count, again.completed, resumed.copied_in_this_run) == (2, 2, 0)
    assert len(shop.rows(Order)) == 12


def test_numbers_of_digits_survive_spreadsheets(shop, tmp_path):
    for number in ("31198570044", "007"):
        shop.order(number=number)
    pd.DataFrame({"source_order": [31198570044, "007", None][:2]}).to_excel(
        tmp_path / "o.xlsx", index=False
    )

    assert bulk_order_factory(str(tmp_path / "o.xlsx")).completed == 2
    assert bulk_order_factory(pd.DataFrame({"source_order": [31198570044.0]})).completed == 1


def test_a_list_that_is_too_large_for_prefect_is_copied(shop, monkeypatch):
    monkeypatch.setattr("order_factory.flows.support.shop_flow.STORED_VALUES", 100)
    numbers = [f"LONG-{n:04}" for n in range(200)]
    address, customer = shop.address(), shop.customer()
    for number in numbers:
        order = shop.add(
            Order,
            number=number,
            status="placed",
            currency_code="EUR",
            customer_id=customer,
            billing_address_id=address,
            shipping_address_id=address,
            shipping_amount_cents=5,
            total_amount_cents=5,
            total_amount_with_taxes_cents=5,
        )
        shop.line(order, item_type="shipments", total_amount_cents=5)

    result = bulk_order_factory(numbers, reference="long", batch_size=64, workers=3)

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(shop.row(OrderFactoryBatch).flow_run_id)
    assert result.completed == 200
    assert (run.name, run.parameters["orders"]) == ("copy batch long", "<200 orders>")


@pytest.mark.parametrize(
    ("orders", "detail"),
    [
        ([], "The list of 0 orders cannot be used, and nothing was copied:\n  it names no order"),
        (["N0", "nope"], "row 2: no live order has the number or id 'nope'"),
        (["N0", "N1", "N0"], "row 3: order 'N0' is already in row 1"),
        (["N0", None], "row 2, source_order: the order's number or public id is missing"),
        (["N0", {"a": 1}], "row 2, source_order: an order's number or public id is expected"),
        (pd.DataFrame({"order": ["N0"]}), "the column 'source_order' is missing"),
        (pd.DataFrame({"source_order": ["N0"], "extra": [1]}), "unknown columns: 'extra'"),
        (
            pd.DataFrame({"source_order": ["N0"], "skip_errors": ["perhaps"]}),
            "row 1, skip_errors: true or false is expected",
        ),
        (
            pd.DataFrame({"source_order": ["N0"], "metadata": ["{"]}),
            "row 1, metadata: the value is not valid JSON",
        ),
        (
            pd.DataFrame({"source_order": ["N0"], "reference": ["x" * 256]}),
            "row 1, reference: the text has 256 characters; at most 255 are allowed",
        ),
        ("nowhere.csv", "there is no file nowhere.csv"),
        ("orders.doc", "no live order has the number or id 'orders.doc'"),
    ],
)
def test_bad_selections_change_nothing(shop, numbers, orders, detail):
    with pytest.raises(SelectionInvalid) as raised:
        bulk_order_factory(orders)

    assert detail in str(raised.value)
    assert (shop.rows(OrderFactoryBatch), shop.rows(OrderFactory), shop.rows(Event)) == ([], [], [])
    assert len(shop.rows(Order)) == 6


def test_a_bad_file_names_its_lines(shop, numbers, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("source_order,reuse_wallet\nN0,true\n,true\nN1,2\n")

    with pytest.raises(SelectionInvalid) as raised:
        bulk_order_factory(str(path))

    assert str(raised.value).splitlines() == [
        "orders.csv cannot be used, and nothing was copied:",
        "  line 3, source_order: the order's number or public id is missing",
        "  line 4, reuse_wallet: true or false is expected",
    ]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PK\x03\x04 broken"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx", "jsonl"])
def test_broken_files_are_refused(shop, tmp_path, ending, content):
    path = tmp_path / f"orders.{ending}"
    path.write_bytes(content)

    with pytest.raises(SelectionInvalid, match=rf"orders\.{ending}.* cannot be used"):
        bulk_order_factory(str(path))


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"orders": 5}, "orders: a list of orders, a DataFrame or the path of a file is expected"),
        ({"orders": ["N0"], "batch_size": 0}, "batch_size: "),
        ({"orders": ["N0"], "failed_of": "night"}, "Give only one of orders, orders_where, fail"),
        ({"orders_where": {"placed_from": "20260101"}}, "orders_where.placed_from: a date such as"),
        ({"orders": ["N0"], "workers": 99}, "workers: "),
        ({"orders": ["N0"], "reference": "x" * 1_000_000}, "reference: "),
        ({"orders": ["N0"], "report_path": "r.doc"}, "The report 'r.doc' must end in .csv"),
    ],
)
def test_bad_parameters_change_nothing(shop, numbers, given, detail):
    with pytest.raises(InvalidRequest) as raised:
        bulk_order_factory(**given)

    assert str(raised.value).startswith(detail)
    assert shop.rows(OrderFactoryBatch) == []


def test_an_unknown_batch_reference_without_orders_is_refused(shop):
    with pytest.raises(BatchNotFound, match="No batch has the reference 'never'"):
        bulk_order_factory(reference="never")


def test_the_result_is_json(shop, numbers):
    result = bulk_order_factory(numbers)

    assert json.loads(result.model_dump_json())["failed"] == 2
