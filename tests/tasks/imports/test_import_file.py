"""An import can be repeated, interrupted, and run twice at the same time."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from order_factory.models.database import retrying
from order_factory.models.database.engine import get_engine, reading
from order_factory.models.errors import TryAgain
from order_factory.models.results.progress import show_progress_with
from order_factory.models.tables import Address, LineItem, LineItemOption, Order
from order_factory.models.values.statuses import Mode
from order_factory.tasks import import_file as import_file_module
from order_factory.tasks.import_file import ImportInterrupted, import_file
from order_factory.tasks.imports.chunks import import_chunk
from order_factory.tasks.imports.files import find_files
from order_factory.tasks.imports.rejects import RejectsFile
from order_factory.tasks.imports.resources import RESOURCES, column_without_default
from order_factory.tasks.imports.tally import Tally
from tests.support.import_examples import EVERYTHING, make_plain_line, make_plain_order
from tests.tasks.imports.conftest import write_csv_file
from tests.tasks.imports.test_round_trip import MODELS


def test_a_second_import_changes_nothing_and_says_so(shop, tmp_path, run_import):
    folder = tmp_path / "shop"
    folder.mkdir()
    for resource, row in EVERYTHING.items():
        write_csv_file(folder / f"{resource}.csv", [row])
    run_import(folder)
    before = {resource: shop.rows(model) for resource, model in MODELS.items()}

    again = run_import(folder)

    assert again.rejects == []
    assert again.counts == {f"{resource}.csv": (0, 1, 0) for resource in RESOURCES}
    assert {resource: shop.rows(model) for resource, model in MODELS.items()} == before


@pytest.mark.parametrize("chunk_size", [1000, 1])
def test_only_the_first_row_with_a_key_is_imported(shop, write_csv, run_import, chunk_size):
    order_id = shop.order(number="1", lines=[])
    path = write_csv(
        "line_items.csv",
        [
            make_plain_line("1", "a", quantity=1),
            make_plain_line("1", "a", quantity=1),
            make_plain_line("1", "a", quantity=2),
            make_plain_line("1", "b", quantity=2),
        ],
    )

    first = run_import(path, chunk_size=chunk_size)
    second = run_import(path, chunk_size=chunk_size)

    assert [(row.reference, row.quantity) for row in shop.rows(LineItem, order_id=order_id)] == [
        ("a", 1),
        ("b", 2),
    ]
    differs = "differs from the existing row, and an import does not change it"
    assert first.rejects == second.rejects == [(4, "quantity", differs)]
    assert first.counts == {"line_items.csv": (2, 1, 1)}
    assert second.counts == {"line_items.csv": (0, 3, 1)}


def test_a_copy_is_not_taken_for_the_row_that_it_was_copied_from(shop, write_csv, run_import):
    original = shop.address(reference="home", line_1="1 Example Street")
    shop.address(reference="home", line_1="2 Example Street", copied_from_id=original)
    address = {"line_1": "1 Example Street", "city": "Testville", "country_code": "IT"}
    write_csv("addresses.csv", [{"reference": "home", **address}])
    path = write_csv("orders.csv", [make_plain_order("1", billing_address="home")])

    imported = run_import(path.parent)

    assert imported.counts == {"addresses.csv": (0, 1, 0), "orders.csv": (1, 0, 0)}
    assert len(shop.rows(Address)) == 2
    assert shop.row(Order).billing_address_id == original


def test_an_interrupted_import_continues_where_it_stopped(shop, write_csv, run_import):
    order_id = shop.order(number="1", lines=[])
    path = write_csv("line_items.csv", [make_plain_line("1", str(n)) for n in range(25)])
    commits: Counter[str] = Counter()

    def power_cut(_connection):
        commits["tried"] += 1
        if commits["tried"] == 2:
            raise RuntimeError("power cut")

    event.listen(get_engine(), "commit", power_cut)
    with pytest.raises(RuntimeError, match="power cut"):
        run_import(path, chunk_size=10)
    event.remove(get_engine(), "commit", power_cut)
    left_behind = len(shop.rows(LineItem))
    again = run_import(path, chunk_size=10)

    assert left_behind == 10
    assert again.counts == {"line_items.csv": (15, 10, 0)}
    references = [row.reference for row in shop.rows(LineItem, order_id=order_id)]
    assert references == [str(n) for n in range(25)]


@pytest.mark.parametrize(
    ("words", "raised"),
    [("database is locked", TryAgain), ("disk full, card 4111", ImportInterrupted)],
)
def test_attempts_are_counted_across_database_errors(
    shop, write_csv, tmp_path, monkeypatch, words, raised
):
    path = write_csv(
        "orders.csv",
        [make_plain_order(str(n), currency_code="EUR" if n else "?") for n in range(5)],
    )
    (file,) = find_files(str(path))
    rejects_file, tally = RejectsFile(tmp_path / "rejects.csv"), Tally()
    calls: Counter[str] = Counter()

    def faulty(*arguments):
        calls["chunks"] += 1
        if calls["chunks"] == 2:
            raise OperationalError("INSERT", {}, Exception(words))
        return import_chunk(*arguments)

    monkeypatch.setattr(import_file_module, "import_chunk", faulty)
    monkeypatch.setattr(retrying, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(retrying, "TRIES", 1)

    with pytest.raises(raised) as stopped:
        import_file.fn(file, Mode.LIVE, rejects_file, 2, tally)
    report = import_file.fn(file, Mode.LIVE, rejects_file, 2, tally)

    assert "4111" not in str(stopped.value)
    assert (report.read, report.imported, report.unchanged, report.rejected) == (5, 4, 0, 1)
    assert len(rejects_file.path.read_text().splitlines()) == 2
    assert [row.number for row in shop.rows(Order)] == ["1", "2", "3", "4"]


def test_two_concurrent_imports_insert_each_row_once(shop, tmp_path):
    for n in range(3):
        shop.order(number=str(n), lines=[])
    address = {"line_1": "1 Example Street", "city": "Exampleville", "country_code": "US"}
    paths = [
        write_csv_file(
            tmp_path / "addresses.csv", [{"reference": str(n), **address} for n in range(300)]
        ),
        write_csv_file(
            tmp_path / "line_items.csv",
            [make_plain_line(str(order), str(n)) for n in range(100) for order in range(3)],
        ),
    ]
    together = threading.Barrier(2)

    def run(number):
        reports = []
        for path in paths:
            (file,) = find_files(str(path))
            rejects_file = RejectsFile(tmp_path / f"rejects-{number}.csv")
            together.wait(30)
            reports.append(import_file.fn(file, Mode.LIVE, rejects_file, 20, Tally()))
        return reports

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(run, range(2)))

    for each in zip(*reports, strict=True):
        assert sum(report.imported for report in each) == 300
        assert sum(report.unchanged for report in each) == 300
    lines = Counter((row.order_id, row.reference) for row in shop.rows(LineItem))
    assert len(lines) == lines.total() == 300
    addresses = Counter(row.reference for row in shop.rows(Address) if row.reference)
    assert len(addresses) == addresses.total() == 300


def test_the_number_of_statements_does_not_grow_with_the_rows(shop):
    shop.order(number="1", lines=[])
    statements: Counter[int] = Counter()
    given = dict.fromkeys(map(column_without_default, RESOURCES["line_items"].defaults))
    line = {"quantity": 1, "total_amount_cents": 1, "item_type": "skus", "order_number": "1"}
    every = dict.fromkeys(RESOURCES["line_items"].columns)

    def count(_connection, _cursor, _statement, _parameters, _context, _many):
        statements[size] += 1

    event.listen(get_engine(), "before_cursor_execute", count)
    for size in (1, 50):
        rows = [
            {**every, **line, "line": n, "reference": f"{size}-{n}", **given}
            for n in range(2, size + 2)
        ]
        result = import_chunk(RESOURCES["line_items"], rows, Mode.LIVE)
        assert (result.imported, result.rejects) == (size, [])
    event.remove(get_engine(), "before_cursor_execute", count)

    assert statements[1] == statements[50]


def test_progress_is_reported_for_each_chunk(shop, write_csv, run_import):
    path = write_csv(
        "orders.csv", [make_plain_order(str(n), reference="two\nlines") for n in range(5)]
    )
    reports = []

    with show_progress_with(lambda *how_far: reports.append(how_far)):
        run_import(path, chunk_size=2)
    run_import(path)

    step = "import orders.csv"
    assert reports == [(step, 0, 10), (step, 2, 10), (step, 4, 10), (step, 5, 10), (step, 5, 5)]


def test_a_line_is_found_by_its_key_and_not_among_all_lines_of_its_order(sqlite_url, monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", sqlite_url)
    line = "order_id = 1 AND reference = 'a' AND copied_from_id IS NULL"

    with reading() as db:
        plan = db.execute(text(f"EXPLAIN QUERY PLAN SELECT id FROM line_items WHERE {line}"))
        steps = [row.detail for row in plan]

    assert any("ix_line_items_original_key" in step for step in steps), steps


def test_each_option_has_the_currency_of_its_own_order(shop, write_csv, run_import):
    euros, dollars = (
        shop.order(number=currency, currency_code=currency, lines=[]) for currency in ("EUR", "USD")
    )
    for order in (euros, dollars):
        shop.line(order, reference="1", sku_code="MUG", quantity=1, unit_amount_cents=1)
    rows = [
        {
            "order_number": order,
            "line_item": "1",
            "reference": f"{order} in {currency}",
            "quantity": 1,
            "currency_code": currency,
        }
        for order in ("EUR", "USD")
        for currency in ("EUR", "USD")
    ]

    imported = run_import(write_csv("line_item_options.csv", rows))

    assert [row.reference for row in shop.rows(LineItemOption)] == ["EUR in EUR", "USD in USD"]
    assert imported.rejects == [
        (3, "currency_code", "is USD, and the order is in EUR"),
        (4, "currency_code", "is EUR, and the order is in USD"),
    ]
