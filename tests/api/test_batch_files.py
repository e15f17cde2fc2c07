"""A batch that is sent as a file: stored with the request, read and copied afterwards."""

import json
import os
import re
import subprocess

import pandas as pd
import pytest

from order_factory.models.tables import (
    Event,
    IdempotencyRecord,
    OrderFactory,
    OrderFactoryBatch,
    StoredFile,
    StoredFilePiece,
)
from order_factory.models.values.event_names import EventName
from tests.support.api_client import make_order_id, make_token
from tests.support.documents import ROOT, read_blocks
from tests.support.draining import drain
from tests.support.frames import ENDINGS, read_frame, write_frame

pytestmark = pytest.mark.usefixtures("verified")
BATCHES = "order_factory_batches"


def send(api, content, expect=201, name="night.csv", headers=None, **fields):
    """The answer to an upload of this file, with these fields."""
    body = content.encode() if isinstance(content, str) else content
    files = {"file": (name, body)}
    response = api.send("POST", BATCHES, files=files, data=fields, headers=headers or {})
    assert response.status_code == expect, response.text
    return response.json()


def attributes_of(api, made):
    return api.get(f"{BATCHES}/{made['data']['id']}")["data"]["attributes"]


def numbers(shop, count, **given):
    address = shop.address(mode="test")
    given = {
        "mode": "test",
        "customer_id": shop.customer(mode="test"),
        "billing_address_id": address,
        "shipping_address_id": address,
        **given,
    }
    return [shop.number_of(shop.order(**given)) for _ in range(count)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_format_is_stored_at_once_and_recorded_later(api, shop, ending):
    first, second = numbers(shop, 2)
    rows = pd.DataFrame(
        {
            "source_order": [first, second],
            "reference": ["a", None],
            "place_target_order": ["true", None],
            "metadata": ['{"shelf": 1}', None],
        }
    )

    made = send(
        api,
        write_frame(rows, ending),
        name=f"night{ending}",
        reference="night",
        skip_errors="true",
        metadata='{"by": "me"}',
        data=json.dumps({"attributes": {"stock": "ignore"}}),
    )

    at_first = made["data"]["attributes"]
    assert (at_first["status"], at_first["orders_count"]) == ("pending", 0)
    assert (at_first["reference"], at_first["metadata"]) == ("night", {"by": "me"})
    assert at_first["selection"] == f"night{ending}"
    assert shop.rows(OrderFactory) == []
    assert len(shop.rows(StoredFilePiece)) == 1
    drain()
    one, two = shop.rows(OrderFactory)
    assert (one.reference, one.place_target_order, one.metadata) == ("a", True, {"shelf": 1})
    assert (two.reference, two.place_target_order, two.metadata) == (None, False, None)
    assert {(each.skip_errors, each.stock, each.mode) for each in (one, two)} == {
        (True, "ignore", "test")
    }
    done = attributes_of(api, made)
    assert (done["status"], done["orders_count"], done["finished_count"]) == ("completed", 2, 2)
    assert (done["errors_count"], done["errors_log"]) == (0, None)
    assert shop.rows(StoredFile) == shop.rows(StoredFilePiece) == []


def test_every_wrong_line_is_reported_and_nothing_is_recorded(api, shop):
    (good,) = numbers(shop, 1)
    live = shop.order(mode="live")
    lines = [
        "source_order,place_target_order,reference",
        f"{good},maybe,",
        "nowhere,,",
        f"{good},,a",
        f"{good},,",
        f"{good},,a",
        make_order_id(live) + ",,",
        f"{good},,,x,",
    ]

    made = send(api, "\n".join(lines))
    drain()

    attributes = attributes_of(api, made)
    assert (attributes["status"], attributes["orders_count"], attributes["errors_count"]) == (
        "failed",
        0,
        6,
    )
    again = "to copy it twice, give each copy its own reference"
    assert attributes["errors_log"] == {
        "file": [
            "line 2, place_target_order: true or false is expected",
            "line 3: no test order has the number or id 'nowhere'",
            f"line 5: order {good!r} is already in line 2; {again}",
            f"line 6: order {good!r} is already in line 4 with the reference 'a'; {again}",
            f"line 7: no test order has the number or id {make_order_id(live)!r}",
            "line 8 has 5 values where the first line names 3 columns",
        ]
    }
    assert shop.rows(OrderFactory) == shop.rows(StoredFile) == []
    assert [event.name for event in shop.rows(Event)] == [
        EventName.BATCH_CREATE,
        EventName.BATCH_FAIL,
    ]
    path = f"{BATCHES}/{made['data']['id']}"
    data = {"type": BATCHES, "id": made["data"]["id"], "attributes": {"_abort": True}}
    (error,) = api.patch(path, data, expect=422)["errors"]
    assert error["detail"] == "_abort - cannot be stopped: the batch is failed"


@pytest.mark.parametrize(
    ("content", "name", "messages"),
    [
        ("order\n1001\n", "a.csv", ["the column 'source_order' is missing", "unknown columns"]),
        ("source_order\n", "a.csv", ["it names no order"]),
        (b"no parquet", "a.parquet", ["it is no valid Parquet file"]),
        (b"no workbook", "a.xlsx", ["it is no readable .xlsx file"]),
        ('{"source_order"', "a.jsonl", ["line 1 is not JSON"]),
    ],
)
def test_a_file_that_cannot_be_used_fails_the_batch(api, shop, content, name, messages):
    made = send(api, content, name=name)
    drain()

    attributes = attributes_of(api, made)
    assert attributes["status"] == "failed"
    log = attributes["errors_log"]["file"]
    assert len(log) == len(messages) == attributes["errors_count"]
    assert all(each.startswith(start) for each, start in zip(log, messages, strict=True)), log


@pytest.mark.parametrize(
    ("request_", "status", "detail"),
    [
        ({"content": ""}, 422, "The file night.csv is empty (0 bytes)."),
        ({"content": "x", "name": "night.doc"}, 422, "its name must end in .csv"),
        ({"content": "x", "skip_errors": "maybe"}, 422, "skip_errors - must be true or false"),
        ({"content": "x", "colour": "red"}, 400, "colour is not allowed."),
        ({"content": "x", "error_policy": "none"}, 422, "error_policy - must be one of"),
        ({"content": "x", "orders_where": '{"market": "EU"}'}, 422, "can't be given with a file"),
        ({"content": "x", "data": "[]"}, 400, "The part 'data' must be a JSON object"),
        (
            {"content": "x", "stock": "take", "data": '{"attributes": {"stock": "ignore"}}'},
            400,
            "stock is given twice",
        ),
        ({"content": "x" * 3_000}, 413, "The upload has more than 2000 bytes"),
    ],
)
def test_a_wrong_upload_is_refused_at_once(api, shop, configure, request_, status, detail):
    configure.setenv("ORDER_FACTORY_API_UPLOAD_LIMIT", "2000")
    from order_factory.api.settings import api_settings

    api_settings.cache_clear()

    (error,) = send(api, expect=status, **request_)["errors"]

    assert detail in error["detail"]
    assert shop.rows(OrderFactoryBatch) == shop.rows(StoredFile) == []


def test_a_multipart_form_needs_a_file(api, shop):
    without_file = api.send("POST", BATCHES, files={"other": ("a.csv", b"x")})
    elsewhere = api.send("POST", "order_copies", files={"file": ("a.csv", b"x")})
    reader = api.with_token(make_token("test", "read"))

    assert (without_file.status_code, elsewhere.status_code) == (400, 415)
    assert "The part 'file' is missing" in without_file.text
    send(reader, "source_order\n1\n", expect=401)
    assert shop.rows(OrderFactoryBatch) == []


def test_a_repeated_request_makes_no_second_batch(api, shop):
    (number,) = numbers(shop, 1)
    content = f"source_order\n{number}\n"
    key = {"Idempotency-Key": "night-1"}

    made = send(api, content, headers=key)
    drain()
    again = send(api, content, headers=key)
    other = send(api, content + "\n", expect=409, headers=key)
    refusal = send(api, content, expect=409, reference=made["data"]["attributes"]["reference"])

    assert again == made
    assert other["errors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert refusal["errors"][0]["source"]["pointer"] == "/data/attributes/reference"
    assert len(shop.rows(OrderFactoryBatch)) == len(shop.rows(IdempotencyRecord)) == 1
    assert shop.rows(StoredFile) == []


def test_a_full_disk_is_reported(api, shop, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("order_factory.api.uploads.PackedFile", full)

    (error,) = send(api, "source_order\n1\n", expect=507)["errors"]

    assert error["code"] == "INSUFFICIENT_STORAGE"
    assert shop.rows(OrderFactoryBatch) == []


def test_a_batch_is_stopped_and_resumed(api, shop):
    content = "source_order\n" + "\n".join(numbers(shop, 3))
    made = send(api, content)
    path, name = f"{BATCHES}/{made['data']['id']}", made["data"]["id"]

    def change(expect=200, **attributes):
        data = {"type": BATCHES, "id": name, "attributes": attributes}
        return api.patch(path, data, expect)

    from order_factory.tasks.read_batch_file import read_batch_file

    read_batch_file.fn(shop.rows(OrderFactoryBatch)[0].id, 10, lambda: None)
    for _ in range(2):
        stopped = change(_abort=True)["data"]["attributes"]
        assert (stopped["status"], stopped["finished_count"]) == ("aborted", 0)
        drain()
        assert {row.status for row in shop.rows(OrderFactory)} == {"aborted"}
        assert change(_resume=True)["data"]["attributes"]["status"] == "pending"
    (error,) = change(expect=422, _resume=True)["errors"]
    assert error["detail"] == "_resume - cannot be resumed: the batch is not stopped"
    drain()

    assert {row.status for row in shop.rows(OrderFactory)} == {"completed"}
    assert attributes_of(api, made)["status"] == "completed"


def test_stopping_a_batch_before_its_file_is_read_deletes_the_file(api, shop):
    made = send(api, "source_order\n" + "\n".join(numbers(shop, 1)))
    data = {"type": BATCHES, "id": made["data"]["id"], "attributes": {"_abort": True}}
    path = f"{BATCHES}/{made['data']['id']}"

    assert api.patch(path, data)["data"]["attributes"]["status"] == "aborted"
    drain()

    assert shop.rows(StoredFile) == shop.rows(OrderFactory) == []
    data["attributes"] = {"_resume": True}
    (error,) = api.patch(path, data, expect=422)["errors"]
    assert "send its file again" in error["detail"]


def test_corrected_failed_rows_can_be_uploaded_again(api, shop):
    (good,) = numbers(shop, 1)
    (bad,) = numbers(shop, 1, billing_address_id=None, number="=12")
    lines = [
        "source_order,reference,metadata,stock",
        f"{good},a,,",
        f'\'{bad},b,"{{""c"": 1}}",ignore',
    ]
    made = send(api, "\n".join(lines))
    drain()
    path = f"{BATCHES}/{made['data']['id']}"
    (failed,) = shop.rows(OrderFactory, status="failed")

    files = {
        ending: api.send("GET", f"{path}/failed_rows{ending}", headers={"Accept": "*/*"})
        for ending in ENDINGS
    }
    api.with_token(make_token("live")).get(f"{path}/failed_rows.csv", expect=404)

    assert {each.status_code for each in files.values()} == {200}
    assert files[".csv"].headers["content-disposition"].endswith('-failed.csv"')
    for ending, file in files.items():
        again = send(api, file.content, name=f"mended{ending}")
        drain()
        attributes = attributes_of(api, again)
        assert (attributes["status"], attributes["errors_log"]) == ("completed", None)
        retry = shop.rows(OrderFactory)[-1]
        assert (retry.source_order_id, retry.reference) == (failed.source_order_id, "b")
        assert (retry.metadata, retry.stock) == ({"c": 1}, "ignore")
        mended = read_frame(file.content, ending).assign(source_order=good)
        send(api, write_frame(mended, ending), name=f"mended{ending}")
        drain()
        copy = shop.rows(OrderFactory)[-1]
        assert (retry.status, copy.status) == ("failed", "completed")
        assert (copy.reference, copy.metadata, copy.stock) == ("b", {"c": 1}, "ignore")
    row = json.loads(files[".jsonl"].text)
    assert row["errors"].startswith("billing_address: ")


def test_the_commands_of_the_page_work(api, shop, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / ".curlrc").write_text("silent\nfail-with-body\n")
    page = read_blocks(ROOT / "docs/how-to/copy-many-orders.md")
    settings = {
        "PATH": os.environ["PATH"],
        "CURL_HOME": str(tmp_path),
        "API": str(api.client.base_url.join("/api")),
        "TOKEN": api.token,
    }

    ended = []
    for block in [each.text for each in page if each.language == "sh"]:
        text = re.sub(r"-o (\S+)", rf"-o {tmp_path}/\1", block)
        done = subprocess.run(
            ["bash", "-ec", text], env=settings, capture_output=True, text=True, check=False
        )
        ended.append((done.returncode, done.stderr))
        if "BATCH" not in settings:
            settings["BATCH"] = json.loads(done.stdout)["data"]["id"]

    assert ended == [(0, "")] * 3
    assert shop.row(OrderFactoryBatch).status == "aborted"
    assert (tmp_path / "failed.csv").read_text().startswith("source_order,")
