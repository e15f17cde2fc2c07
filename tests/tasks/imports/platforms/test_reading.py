"""Exports in other encodings, with other separators, as workbooks, and by one's own mapping."""

import csv
import io
import json
import re
from typing import Any

import pytest
from openpyxl import Workbook

from order_factory.models.errors import InvalidRequest
from order_factory.models.requests.platform_formats import (
    AddressPart,
    AmountsPart,
    LinePart,
    OneCurrency,
    OrderPart,
    PlatformFormat,
    ValueOf,
)
from order_factory.tasks.imports.platforms.files import find_platform_files, open_platform_file
from order_factory.tasks.imports.platforms.mappings import list_formats, load_format
from tests.support.documents import ROOT, read_blocks
from tests.tasks.imports.platforms.conftest import (
    EXAMPLES,
    convert_file,
    shopify_order,
    write_rows,
)

SHOPIFY = EXAMPLES["shopify"]
PAGE = ROOT / "docs/how-to/import-from-other-platforms.md"
# The example of the page.
(OWN,) = (block.text for block in read_blocks(PAGE) if block.language == "yaml")


def test_the_page_names_every_key_of_a_mapping():
    words = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))
    parts = (PlatformFormat, OrderPart, AmountsPart, LinePart, AddressPart, ValueOf, OneCurrency)
    assert {name for part in parts for name in part.model_fields} - words == set()


def test_the_shipped_formats_are_listed_and_printed():
    assert list_formats() == ["adobe_commerce", "shopify", "woocommerce"]
    assert all(load_format(name).platform == name for name in list_formats())


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_encodings_and_separators_are_recognized(tmp_path, encoding, separator):
    # A note of letters beyond ASCII; a euro sign is in UTF-16 no character with a byte 0.
    note = "Größe für Zoë,\nnaïve café" if encoding == "cp1252" else "Größe 12 €\nfür 東京"
    rows = list(csv.DictReader(io.StringIO(SHOPIFY.read_text(encoding="utf-8"))))
    rows[0]["Notes"] = note
    path = tmp_path / f"orders.{'tsv' if separator == chr(9) else 'csv'}"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)

    orders = convert_file(path, "shopify")

    assert orders[0].rows["orders"][0].values["metadata"].pop("notes") == note
    expected = convert_file(SHOPIFY, "shopify")
    expected[0].rows["orders"][0].values["metadata"].pop("notes")
    assert [_rows_of(each) for each in orders] == [_rows_of(each) for each in expected]


def _rows_of(order):
    return {name: [(row.line, row.values) for row in rows] for name, rows in order.rows.items()}


def test_a_workbook_and_json_lines_give_the_same_orders(tmp_path):
    rows = shopify_order("1", ("2", "5.00", "MUG"), ("1", "1200.5", "CAP"))
    rows[0] |= {"Subtotal": "1210.5", "Total": "1210.5"}
    book = Workbook()
    sheet: Any = book.active
    names = list(rows[0])
    table: list[list[Any]] = [names, *([row.get(name) for name in names] for row in rows)]
    for cells in table:
        sheet.append([float(cell) if _is_number(cell) else cell for cell in cells])
    book.save(tmp_path / "export.xlsx")
    (tmp_path / "export.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    plain = convert_file(write_rows(tmp_path / "export.csv", rows), "shopify")

    assert plain[0].problems == []
    for name in ("export.xlsx", "export.jsonl"):
        (order,) = convert_file(tmp_path / name, "shopify")
        assert [row.values for row in order.rows["line_items"]] == [
            row.values for row in plain[0].rows["line_items"]
        ]
        assert order.rows["orders"][0].values == plain[0].rows["orders"][0].values


def _is_number(cell):
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


def test_a_user_can_write_a_mapping(tmp_path):
    mapping = tmp_path / "our_shop.yaml"
    mapping.write_text(OWN, encoding="utf-8")
    path = tmp_path / "ordini.csv"
    path.write_text(
        "ordine;e-mail;stato;data;totale;spedizione;iva;codice;articolo;pezzi;prezzo;note\n"
        "17;ann@shop.example;Spedito;15/07/2026 09.30;1.239,00;4,00;218,20;MACCHINA;Macchina;1;"
        "1.200,00;\n"
        ";;;;;;;;Tazza;2;17,50;\n"
        "18;bob@shop.example;annullato;15/01/2026 09.30;5,00;;;TE;Tè;1;5,00;presto\n",
        encoding="cp1252",
    )

    first, second = convert_file(path, str(mapping))

    assert (first.problems, second.problems) == ([], [])
    order = first.rows["orders"][0].values
    assert {name: order[name] for name in ("number", "status", "total_amount_cents")} == {
        "number": "IT-17",
        "status": "placed",
        "total_amount_cents": 1239_00,
    }
    assert order["placed_at"].isoformat() == "2026-07-15T09:30:00+02:00"
    assert order["tax_included"] is True
    assert [
        (row.values["reference"], row.values["total_amount_cents"], row.values["tax_amount_cents"])
        for row in first.rows["line_items"]
    ] == [("1", 1200_00, 211_33), ("2", 35_00, 6_17), ("shipping", 4_00, 70)]
    assert [row.values["code"] for row in first.rows["skus"]] == ["MACCHINA", "Tazza"]
    assert second.rows["orders"][0].values["status"] == "cancelled"
    assert second.rows["orders"][0].values["metadata"] == {"notes": "presto"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("platform: [", "is not YAML in line 1"),
        ("- a list", "cannot be used: "),
        (OWN.replace("Europe/Rome", "Rome"), "time_zone is not a zone like Europe/Rome"),
        (OWN.replace("  total: Totale\n", ""), "amounts.total: Field required"),
        (OWN.replace("{value: EUR}", "{}"), "order.currency_code: needs a column or a value"),
        (OWN.replace("  unit_amount: Prezzo\n", ""), "line: needs unit_amount or total"),
        (OWN + "colour: red\n", "colour: Extra inputs are not permitted"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(tmp_path, text, message):
    mapping = tmp_path / "our_shop.yaml"
    mapping.write_text(text)

    with pytest.raises(InvalidRequest) as caught:
        load_format(str(mapping))
    assert message in str(caught.value)


def test_formats_and_files_that_cannot_be_used_are_refused(tmp_path):
    no_export = write_rows(tmp_path / "orders.csv", [{"Name": "#1", "Total": "1"}])
    twice = tmp_path / "twice.csv"
    twice.write_text("Name,Currency,Total,Lineitem quantity,Lineitem price,total\n")
    cases = {
        (no_export, "magento"): "The format 'magento' is not known. Use one of adobe_commerce, ",
        (no_export, "nowhere.yaml"): "The mapping 'nowhere.yaml' cannot be read: No such file",
        (no_export, "shopify"): (
            "orders.csv is no order export of shopify that can be read: it has no column for "
            "currency_code (Currency), quantity (Lineitem quantity), unit_amount (Lineitem price)"
        ),
        (twice, "shopify"): "twice.csv has these columns twice: Total.",
        (tmp_path / "none.csv", "shopify"): "There is no file or folder",
    }
    for (path, form), message in cases.items():
        with pytest.raises(InvalidRequest) as caught:
            open_platform_file(find_platform_files(str(path), form)[0])
        assert str(caught.value).startswith(message)
