"""An export from one shop, imported into an empty one on the other database, is the same shop."""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from order_factory.models.tables import Address, Customer, LineItem, Order
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import Mode
from order_factory.tasks.exports.resources import find_owner_key
from order_factory.tasks.import_file import import_file
from order_factory.tasks.imports.files import find_files
from order_factory.tasks.imports.rejects import RejectsFile
from order_factory.tasks.imports.resources import RESOURCES
from order_factory.tasks.imports.tally import Tally
from tests.support import mixed_shop
from tests.support.copying import change, copy_one
from tests.support.exporting import export
from tests.support.import_examples import EVERYTHING
from tests.support.orders import change_and_ask, make_open_order
from tests.support.shop import Shop
from tests.support.verifying import find_violations
from tests.tasks.imports.test_round_trip import MODELS

# What no import writes: see docs/how-to/export-orders.md.
LEFT = {
    "id",
    "created_at",
    "updated_at",
    "copied_from_id",
    "order_factory_id",
    "archived_at",
    "refreshed_at",
    "refused_at",
    "reserved",
    "other_changes_cents",
    "other_uses",
}
# What a row is named by, and what the name is unique within.
NAMES = {
    "addresses": ("reference", "mode"),
    "promotions": ("reference", "mode"),
    "payment_methods": ("reference", "mode"),
    "payment_sources": ("reference", "mode"),
    "orders": ("number", "mode"),
    "line_items": ("reference", "order_id"),
    "line_item_options": ("reference", "line_item_id"),
}


def rows_of_shop(shop, mode):
    """Every row of every resource without its key; other rows are named by their position."""
    places: dict[str, dict[int, int]] = {}
    rows_by_table = {}
    for name, resource in RESOURCES.items():
        rows = [dict(row._mapping) for row in shop.rows(MODELS[name])]
        rows_of_mode = [row for row in rows if row.get("mode", mode) == mode]
        if "mode" not in resource.table.c:
            owner = find_owner_key(resource.table)
            (parent,) = (key.column.table.name for key in owner.foreign_keys)
            rows_of_mode = [row for row in rows_of_mode if row[owner.name] in places[parent]]
        places[resource.table.name] = {row["id"]: place for place, row in enumerate(rows_of_mode)}
        for row in rows_of_mode:
            for column in resource.table.c:
                for key in column.foreign_keys:
                    if row[column.name] is not None and column.name not in LEFT:
                        row[column.name] = places[key.column.table.name][row[column.name]]
        rows_by_table[name] = rows_of_mode
    return rows_by_table


def read_travelling_rows(shop):
    """The rows with the names that identify them in another shop."""
    for name, (column, within) in NAMES.items():
        used: dict[object, set[str]] = defaultdict(set)
        for row in shop[name]:
            text, key = row[column], row[within]
            is_copy = within == "mode" and row.get("copied_from_id") is not None
            if text is None or is_copy or text in used[key]:
                row[column] = public_id(Resource[name], row["id"])
            if text is not None and not is_copy:
                used[key].add(text)
    return {
        name: [{key: value for key, value in row.items() if key not in LEFT} for row in rows]
        for name, rows in shop.items()
    }


def add_changed_copies(shop):
    """Copies with each kind of change, a merged copy, and orders that were paid and cancelled."""
    for currency in ("EUR", "USD"):
        shop.price("BOWL", 9_90, currency)
    change(Address, shop.address(line_1="Elsewhere"), reference="elsewhere")
    other = shop.row(Customer, id=shop.customer())
    source = shop.order(lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)], market_name="Europe")
    copies = [
        copy_one(source, quantities={"MUG": 5, "CAP": 0}, add_lines={"BOWL": 2}),
        copy_one(source, swap_skus={"CAP": "BOWL"}, target_market="America", target_notes="+1\n2"),
        copy_one(source, target_customer=other.email, target_billing_address="elsewhere"),
        copy_one(shop.order(lines=[("BOWL", 3, 1_00)]), target_currency="USD", refresh_prices=True),
    ]
    fresh = {"status": "pending", "payment_status": "unpaid", "placed_at": None}
    opened = shop.order(customer_id=other.id, number="OPEN", **fresh)
    copies.append(copy_one(shop.order(customer_id=other.id), merge_into="OPEN"))
    assert [each.errors_log for each in copies] == [None] * len(copies)
    assert len(shop.rows(LineItem, order_id=opened)) == 2
    for changes in (["cancel"], ["capture", "refund"], ["approve", "capture"]):
        order = make_open_order(shop)
        assert change_and_ask("place", order) == []
        assert all(change_and_ask(name, order) == [] for name in changes)


def import_all(folder, tmp_path, mode):
    rejects = RejectsFile(tmp_path / "rejects.csv")
    for file in find_files(str(folder)):
        import_file.fn(file, mode, rejects, 1_000, Tally(), False)
    assert not rejects.path.exists(), rejects.path.read_text()


@pytest.mark.slow  # copies one order of every kind
@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("way", [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_a_shop_is_exported_and_imported_into_the_other_database(
    request, monkeypatch, tmp_path: Path, way
):
    there, here = (request.getfixturevalue(f"{name}_url") for name in reversed(way))
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", here)
    shop = Shop()
    mixed_shop.fill(shop)
    add_changed_copies(shop)
    # An empty text travels as no text.
    for order in shop.rows(Order, customer_email=""):
        shop.change_order(order.id, customer_email="a@b.example", customer_email_key="a@b.example")
    folder = tmp_path / "examples"
    folder.mkdir()
    for name, row in EVERYTHING.items():
        # The mixed shop sells mugs already.
        text = json.dumps(row).replace("MUG", "TRAY")
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    import_all(folder, tmp_path, Mode.LIVE)
    exported = {}
    for mode in Mode:
        for format in ("csv", "jsonl", "parquet"):
            exported[mode] = export("all", tmp_path / mode / format, format=format, mode=mode)
    before = {mode: read_travelling_rows(rows_of_shop(shop, mode)) for mode in Mode}

    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", there)
    for mode, format in ((Mode.LIVE, "csv"), (Mode.TEST, "parquet")):
        import_all(tmp_path / mode / format, tmp_path, mode)

    after = {mode: read_travelling_rows(rows_of_shop(shop, mode)) for mode in Mode}
    for mode in Mode:
        assert {name: len(rows) for name, rows in before[mode].items()} == exported[mode]
        for name in RESOURCES:
            assert after[mode][name] == before[mode][name], name
        for format in ("csv", "jsonl", "parquet"):
            export("all", tmp_path / "again" / mode / format, format=format, mode=mode)
            for file in (tmp_path / mode / format).iterdir():
                again = tmp_path / "again" / mode / format / file.name
                assert again.read_bytes() == file.read_bytes(), file.name
    assert find_violations() == []
