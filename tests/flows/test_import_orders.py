"""The import as a person runs it, on Prefect's own server."""

import uuid
from collections import Counter

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from sqlalchemy.exc import OperationalError

from order_factory.flows.import_orders import import_orders
from order_factory.models.database.schema import upgrade
from order_factory.models.errors import DatabaseNotReady, InvalidRequest
from order_factory.models.results.imports import FileReport
from order_factory.models.tables import LineItem, Order
from order_factory.tasks import import_file
from order_factory.tasks.imports.chunks import import_chunk


@pytest.fixture(autouse=True)
def _elsewhere(prefect: None, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_orders(folder, *numbers):
    folder.mkdir(exist_ok=True)
    rows = "".join(f"{number},EUR,100\n" for number in numbers)
    path = folder / "orders.csv"
    path.write_text(f"number,currency_code,total_amount_cents\n{rows}")
    return path


def artifacts_of(flow_run_id):
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=only)


def test_a_small_file_is_imported_and_the_state_says_how_it_ended(shop, tmp_path):
    write_orders(tmp_path, "1", "2", "")

    state = import_orders("orders.csv", return_state=True)

    report = state.result()
    assert report.rejects_path is not None
    assert (state.name, state.message) == (
        "CompletedWithErrors",
        f"2 rows imported, 1 rejected; the reasons are in {report.rejects_path}",
    )
    assert report.rejects_path.startswith("var/rejects-")
    assert (tmp_path / report.rejects_path).read_text().splitlines() == [
        "file,line,column,reason",
        "orders.csv,4,number,is required",
    ]
    (of_file,) = report.files
    assert of_file == FileReport(
        file="orders.csv",
        resource="orders",
        read=3,
        imported=2,
        unchanged=0,
        rejected=1,
        seconds=of_file.seconds,
    )
    assert (report.read, report.imported, report.unchanged, report.rejected) == (3, 2, 0, 1)
    assert [row.number for row in shop.rows(Order)] == ["1", "2"]


def test_an_import_of_a_folder_shows_its_progress_on_the_run_page(shop, tmp_path):
    folder = write_orders(tmp_path / "shop", "1", "2").parent
    (folder / "line_items.jsonl").write_text(
        '{"order_number": "2", "reference": "a", "quantity": 1, "total_amount_cents": 100}\n'
    )
    (folder / "notes.txt").write_text("not to import")

    state = import_orders(
        str(folder), mode="test", rejects_path="told/rejects.csv", chunk_size=1, return_state=True
    )

    report = state.result()
    assert state.name == "CompletedWithErrors"
    assert state.message == "3 rows imported, 1 order differs from the sums of the lines"
    counts = {each.file: (each.read, each.imported) for each in report.files}
    assert counts == {"orders.csv": (2, 2), "line_items.jsonl": (1, 1)}
    assert report.rejects_path is None
    assert not (tmp_path / "told").exists()
    assert sorted(path.name for path in folder.iterdir()) == [
        "line_items.jsonl",
        "notes.txt",
        "orders.csv",
    ]
    assert [row.mode for row in shop.rows(Order)] == ["test", "test"]
    assert shop.row(LineItem).order_id == shop.row(Order, number="2").id
    shown = artifacts_of(state.state_details.flow_run_id)
    assert {each.key: each.data for each in shown} == {
        "import-orders-csv": 100.0,
        "import-line-items-jsonl": 100.0,
    }


def test_a_transient_error_of_the_database_is_retried(shop, tmp_path, monkeypatch):
    write_orders(tmp_path, "1", "2", "3")
    calls: Counter[str] = Counter()

    def faulty(*arguments):
        calls["chunks"] += 1
        if calls["chunks"] == 2:
            raise OperationalError("INSERT", {}, Exception("database is locked"))
        return import_chunk(*arguments)

    monkeypatch.setattr(import_file, "import_chunk", faulty)

    state = import_orders("orders.csv", chunk_size=1, return_state=True)

    report = state.result()
    assert (state.name, state.message) == ("Completed", "3 rows imported")
    assert calls["chunks"] == 4
    assert (report.read, report.imported, report.unchanged) == (3, 3, 0)
    assert [row.number for row in shop.rows(Order)] == ["1", "2", "3"]


def test_a_bad_file_is_reported_before_anything_is_written(shop, tmp_path):
    folder = write_orders(tmp_path / "shop", "1").parent
    (folder / "skus.csv").write_text("code,colour\nMUG,red\n")
    (folder / "line_items.csv").write_text("order,quantity\n1,1\n")

    with pytest.raises(InvalidRequest, match=r"of skus.csv .*unknown: 'colour'; missing: name"):
        import_orders(str(folder))

    assert shop.rows(Order) == []
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": "nowhere.csv"}, "There is no file or folder 'nowhere.csv' to import."),
        ({"path": ""}, "path: "),
        ({"path": "n" * 1_000_000}, "path: "),
        ({"path": 7}, "path: "),
        ({"chunk_size": 0}, "chunk_size: "),
        ({"chunk_size": "many"}, "chunk_size: "),
        ({"mode": "both"}, "mode: "),
        ({"rejects_path": "orders.csv"}, "The rejects cannot go to 'orders.csv'"),
    ],
)
def test_wrong_parameters_are_clear_errors_and_change_nothing(shop, tmp_path, wrong, message):
    path = write_orders(tmp_path, "1")
    before = path.read_text()

    with pytest.raises(InvalidRequest) as refused:
        import_orders(**{"path": "orders.csv", **wrong})

    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 500
    assert shop.rows(Order) == []
    assert path.read_text() == before


def test_a_database_without_tables_says_how_to_make_them(tmp_path, monkeypatch):
    write_orders(tmp_path, "1")
    url = f"sqlite:///{tmp_path / f'{uuid.uuid4().hex}.db'}"
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", url)

    with pytest.raises(DatabaseNotReady, match="run `order-factory init`"):
        import_orders("orders.csv")
    upgrade()
    report = import_orders("orders.csv")

    assert report.imported == 1
