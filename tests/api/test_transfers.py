"""Exports and imports over HTTP."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from prefect.settings import PREFECT_API_URL
from sqlalchemy import update

from order_factory.flows import transfer_records
from order_factory.models.database.engine import begin
from order_factory.models.tables import (
    Event,
    Export,
    Import,
    Order,
    Sku,
    StoredFile,
    StoredFilePiece,
)
from order_factory.tasks.exports import reading
from order_factory.tasks.transfers import records
from tests.support.api_client import make_token
from tests.support.crashes.transferrer import STAGES
from tests.support.documents import ROOT
from tests.support.verifying import find_violations

pytestmark = pytest.mark.usefixtures("prefect", "verified")


# The package has the flow under the module's name.
FLOW = sys.modules["order_factory.flows.transfer_records"]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def create(api, resource, expect=201, **attributes):
    data = {"type": resource, "attributes": attributes}
    return api.post(resource, data, expect)["data" if expect == 201 else "errors"]


def trigger(api, resource_object, name, expect=200):
    data = {
        "type": resource_object["type"],
        "id": resource_object["id"],
        "attributes": {name: True},
    }
    return api.patch(f"{resource_object['type']}/{resource_object['id']}", data, expect)


def attributes_of(api, resource_object):
    return api.get(f"{resource_object['type']}/{resource_object['id']}")["data"]["attributes"]


def events(shop, resource):
    return [row.name for row in shop.rows(Event) if row.name.startswith(resource)]


def test_an_export_is_made_and_downloaded(shop, api, tmp_path):
    shop.order_of_test_mode(number="1", market_name="EU")
    shop.order_of_test_mode(number="2", market_name="US")
    shop.order(number="3", market_name="EU")
    requested = create(
        api,
        "exports",
        resource_type="orders",
        format="csv",
        includes=["line_items"],
        filters={"market_name_eq": "EU"},
    )
    assert (requested["attributes"]["status"], requested["attributes"]["attachment_url"]) == (
        "pending",
        None,
    )

    ended = transfer_records()

    done = attributes_of(api, requested)
    response = api.send("GET", f"exports/{requested['id']}/attachment")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        files = {name: archive.read(name).decode().splitlines() for name in archive.namelist()}
    assert (ended, done["status"], done["records_count"]) == (1, "completed", 2)
    path, _, key = done["attachment_url"].partition("?key=")
    assert path.startswith("http://")
    assert path.endswith(f"/api/exports/{requested['id']}/attachment")
    # Anyone with the URL can download the file without a token.
    here = f"/api/exports/{requested['id']}"
    answers = [
        api.client.get(path, params={"key": given})
        for path, given in (
            (f"{here}/attachment", key),
            (f"{here}/attachment", key[:-1]),
            (f"{here}/attachment", ""),
            (here, key),
        )
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 401, 401]
    assert answers[0].content == response.content
    assert {name: len(lines) for name, lines in files.items()} == {
        "orders.csv": 2,
        "line_items.csv": 2,
    }
    assert response.headers["content-disposition"] == 'attachment; filename="orders.zip"'
    assert events(shop, "exports") == ["exports.create", "exports.start", "exports.complete"]
    assert not any((tmp_path / "var/exports").iterdir())
    # Other modes and readers see nothing of it.
    assert (
        api.with_token(make_token("live")).send("GET", f"exports/{requested['id']}").status_code
        == 404
    )
    reader = api.with_token(make_token("test", "read"))
    assert attributes_of(reader, requested)["attachment_url"] is None
    assert reader.send("GET", f"exports/{requested['id']}/attachment").status_code == 401
    assert api.send("DELETE", f"exports/{requested['id']}").status_code == 204
    assert shop.rows(Export) == []


def test_rows_are_imported_through_the_checks_of_a_file(shop, api):
    inputs = [
        {"code": "MUG", "name": "Mug"},
        {"code": "CAP", "name": "Cap", "purchasable": "perhaps"},
        {"code": "HAT"},
    ]
    requested = create(api, "imports", resource_type="skus", inputs=inputs)
    wrong = create(api, "imports", resource_type="skus", inputs=[{"colour": "red"}])

    transfer_records()

    done, failed = attributes_of(api, requested), attributes_of(api, wrong)
    assert [(row.code, row.mode) for row in shop.rows(Sku)] == [("MUG", "test")]
    names = ("status", "inputs_size", "processed_count", "imported_count", "errors_count")
    assert [done[name] for name in names] == ["completed", 3, 3, 1, 2]
    assert done["inputs"] == inputs
    assert set(done["errors_log"]) == {"2", "3"}
    assert done["errors_log"]["3"] == {"name": ["is required"]}
    assert failed["status"] == "interrupted"
    assert (
        "The columns of skus.jsonl are not those of skus: unknown: 'colour'"
        in (failed["errors_log"]["base"][0])
    )
    assert events(shop, "imports") == [
        "imports.create",
        "imports.create",
        "imports.start",
        "imports.complete",
        "imports.start",
        "imports.interrupt",
    ]


def test_an_uploaded_file_is_imported_and_exported_again(shop, api):
    shop.order(number="1", lines=[])
    file = {"file": ("any.csv", b"number,currency_code,total_amount_cents\n1,EUR,0\n", "text/csv")}
    response = api.send("POST", "imports", files=file, data={"resource_type": "orders"})
    requested = response.json()["data"]
    create(api, "exports", resource_type="orders", format="jsonl")

    transfer_records()

    assert response.status_code == 201
    done = attributes_of(api, requested)
    assert (done["status"], done["format"], done["imported_count"]) == ("completed", "csv", 1)
    assert [row.number for row in shop.rows(Order, mode="test")] == ["1"]
    exported = api.send("GET", f"exports/{_newest(api, 'exports')}/attachment").text
    assert [json.loads(line)["number"] for line in exported.splitlines()] == ["1"]
    assert shop.row(Import).file_id is None


def _newest(api, resource):
    return api.get(resource, sort="-created_at")["data"][0]["id"]


@pytest.mark.parametrize("table", ["exports", "imports"])
def test_an_interrupted_transfer_continues(shop, api, monkeypatch, table):
    monkeypatch.setattr(reading, "CHUNK_ROWS", 1)
    monkeypatch.setattr(FLOW, "_CHUNK_ROWS", 1)
    for code in ("MUG", "CAP", "HAT"):
        shop.sku(code, mode="test", stock=None)
    given = (
        {"inputs": [{"code": code, "name": code} for code in "ABC"]} if table == "imports" else {}
    )
    requested = create(api, table, resource_type="skus", **given)
    counts_seen: list[dict[str, int]] = []

    def note_progress(db, transfer, counts):
        counts_seen.append(counts)
        if len(counts_seen) == 3:
            # As _interrupt does; it has to wait here until this transaction ends.
            db.execute(update(transfer.table).values(must_stop=True))
        records.note_progress(db, transfer, counts)

    trigger(api, requested, "_interrupt")
    at_once = attributes_of(api, requested)
    trigger(api, requested, "_start")
    with monkeypatch.context() as patch:
        patch.setattr(FLOW, "note_progress", note_progress)
        transfer_records()
    stopped = attributes_of(api, requested)
    trigger(api, requested, "_interrupt", 422)
    trigger(api, requested, "_start")
    transfer_records()
    done = attributes_of(api, requested)
    trigger(api, requested, "_start", 422)

    assert [each["status"] for each in (at_once, stopped, done)] == [
        "interrupted",
        "interrupted",
        "completed",
    ]
    assert 0 < stopped["processed_count"] < done["processed_count"] == 3
    if table == "exports":
        counts = [(each["records_count"], each["progress"]) for each in (at_once, stopped, done)]
        assert counts == [(None, 0), (3, 33), (3, 100)]
    assert (stopped["interrupted_at"] is None, done["interrupted_at"]) == (False, None)


def test_a_transfer_in_progress_is_stopped_and_not_deleted(shop, api):
    requested = create(api, "exports", resource_type="skus")
    with begin() as db:
        records.begin_next(db, None)

    api.delete(f"exports/{requested['id']}", 423)
    trigger(api, requested, "_interrupt")
    transfer_records()

    assert attributes_of(api, requested)["status"] == "interrupted"
    api.delete(f"exports/{requested['id']}")


def test_an_order_that_kills_its_process_repeatedly_fails(shop, api):
    requested = create(api, "exports", resource_type="skus")
    for _ in range(6):
        with begin() as db:
            records.begin_next(db, None)

    given_up = attributes_of(api, requested)
    assert given_up["status"] == "interrupted"
    assert "died 5 times" in given_up["errors_log"]["base"][0]


@pytest.mark.parametrize(
    ("resource", "attributes", "pointer", "message"),
    [
        ("exports", {"resource_type": "dogs"}, "resource_type", "must be one of"),
        ("exports", {"resource_type": "skus", "includes": ["dog"]}, "includes", "'dog' cannot be"),
        ("exports", {"resource_type": "skus", "filters": {"dog_eq": 1}}, "filters", "is invalid"),
        ("exports", {"resource_type": "skus", "format": "xls"}, "format", "must be one of"),
        ("imports", {"resource_type": "events", "inputs": [{}]}, "resource_type", "must be one of"),
        ("imports", {"resource_type": "skus"}, "inputs", "can't be blank without a file"),
        ("imports", {"resource_type": "skus", "inputs": []}, "inputs", "1 to 10,000 objects"),
        ("imports", {"resource_type": "skus", "inputs": ["a"]}, "inputs", "a list of objects"),
    ],
)
def test_impossible_requests_are_refused(shop, api, resource, attributes, pointer, message):
    (error,) = create(api, resource, 422, **attributes)

    assert error["source"]["pointer"] == f"/data/attributes/{pointer}"
    assert message in error["detail"]
    assert shop.rows(Export) == shop.rows(Import) == []


@pytest.mark.slow  # a process imports everything before it dies
def test_killed_transfers_are_continued(shop, api, monkeypatch):
    for code in ("MUG", "CAP", "HAT"):
        shop.sku(code, mode="test", stock=None)
    bad = {"code": "BAD", "name": "Bad", "purchasable": "perhaps"}
    rows = [bad, *({"code": code, "name": code} for code in "AB")]
    imported = create(api, "imports", resource_type="skus", inputs=rows)
    exported = create(api, "exports", resource_type="skus", format="json")
    left: dict[str, tuple[str, str, bool]] = {}

    command = [sys.executable, "-m", "tests.support.crashes.transferrer"]
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    environment["PYTHONPATH"] = str(ROOT)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for stage in STAGES:
            process.stdin.write(f"{stage}\n")
            process.stdin.flush()
            assert process.stdout.readline().strip() == str(-signal.SIGKILL), stage
            assert find_violations() == [], stage
            one, other = attributes_of(api, imported), attributes_of(api, exported)
            left[stage] = (one["status"], other["status"], other["attachment_url"] is not None)
        process.communicate()
    monkeypatch.setattr(reading, "CHUNK_ROWS", 1)
    transfer_records()

    assert left == {
        "rows imported, not counted": ("in_progress", "pending", False),
        "import completed, not committed": ("in_progress", "pending", False),
        "import completed": ("completed", "pending", False),
        "rows exported, not counted": ("completed", "in_progress", False),
        "file stored without its content": ("completed", "in_progress", False),
        "export completed, not committed": ("completed", "in_progress", False),
        "export completed": ("completed", "completed", True),
    }
    done, sent = attributes_of(api, imported), attributes_of(api, exported)
    assert [done[name] for name in ("status", "processed_count", "errors_count")] == [
        "completed",
        3,
        1,
    ]
    assert set(done["errors_log"]) == {"1"}
    codes = ["MUG", "CAP", "HAT", "A", "B"]
    assert [row.code for row in shop.rows(Sku)] == codes
    assert (sent["status"], sent["records_count"]) == ("completed", 5)
    file = api.send("GET", f"exports/{exported['id']}/attachment")
    assert [row["code"] for row in file.json()] == codes
    assert len(shop.rows(StoredFile)) == len(shop.rows(StoredFilePiece)) == 1
    for resource in ("imports", "exports"):
        names = [f"{resource}.{change}" for change in ("create", "start", "complete")]
        assert events(shop, resource) == names


def test_an_export_has_the_chosen_columns(shop, api):
    shop.order_of_test_mode(number="1", lines=[("MUG", 2, 5_00)])
    fields = create(
        api, "exports", resource_type="orders", fields=["number", "line_items.sku_code"]
    )
    dry = create(api, "exports", resource_type="order_factories", format="csv", dry_data=True)
    plain = create(api, "exports", resource_type="order_factories", format="csv")
    none = create(api, "exports", resource_type="coupons")

    transfer_records()

    with zipfile.ZipFile(
        io.BytesIO(api.send("GET", f"exports/{fields['id']}/attachment").content)
    ) as archive:
        documents = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    assert documents == {
        "orders.json": [{"number": "1"}],
        "line_items.json": [{"sku_code": "MUG"}],
    }
    columns = [
        set(api.send("GET", f"exports/{each['id']}/attachment").text.strip().split(","))
        for each in (plain, dry)
    ]
    assert columns[0] - columns[1] == {"id", "created_at", "updated_at"}
    assert api.send("GET", f"exports/{none['id']}/attachment").json() == []
    for wrong in (["colour"], ["line_items.colour"], ["dogs.name"]):
        (error,) = create(api, "exports", 422, resource_type="orders", fields=wrong)
        assert error["source"]["pointer"] == "/data/attributes/fields"


def test_an_import_that_does_not_skip_errors_ends_early(shop, api, monkeypatch):
    monkeypatch.setattr(FLOW, "_CHUNK_ROWS", 10)
    bad = {"code": "BAD", "name": "Bad", "purchasable": "perhaps"}
    good = [{"code": f"SKU-{nth}", "name": "Good"} for nth in range(18)]
    made = [
        create(api, "imports", resource_type="skus", inputs=inputs, skip_errors=skip)
        for inputs, skip in (
            ([bad, *good], False),  # 1 of 19
            ([bad, bad, *good], False),
            ([bad, bad, bad, *good], True),
        )
    ]
    create(api, "imports", 422, resource_type="skus", inputs=good, parent_resource_id="x")

    transfer_records()

    ended = [attributes_of(api, each) for each in made]
    assert [(each["status"], each["errors_count"]) for each in ended] == [
        ("completed", 1),
        ("completed", 2),
        ("completed", 3),
    ]
    worse = create(
        api, "imports", resource_type="skus", inputs=[bad, bad, bad, *good], skip_errors=False
    )
    transfer_records()
    stopped = attributes_of(api, worse)
    assert (stopped["status"], stopped["processed_count"]) == ("interrupted", 10)
    assert set(stopped["errors_log"]) == {"1", "2", "3", "base"}
    assert stopped["errors_log"]["base"][0].startswith(
        "3 rows have errors, which is more than 10 %"
    )


def test_an_export_in_progress_shows_when_it_ends(shop, api):
    started = datetime(2026, 11, 30, 12, tzinfo=UTC)
    shop.add(
        Export,
        resource_type="skus",
        mode="test",
        status="in_progress",
        started_at=started,
        updated_at=started + timedelta(minutes=1),
        total_count=4,
        records_count=1,
    )

    (export,) = api.get("exports")["data"]

    names = ("progress", "processed_count", "records_count", "estimated_completion_at")
    assert [export["attributes"][name] for name in names] == [25, 1, 4, "2026-11-30T12:04:00.000Z"]
