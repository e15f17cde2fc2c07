"""Every column of every resource, from each format into the database."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from order_factory.models.tables import (
    Address,
    Bundle,
    BundleItem,
    Coupon,
    Customer,
    CustomerPaymentSource,
    GiftCard,
    LineItem,
    LineItemOption,
    Order,
    PaymentMethod,
    PaymentSource,
    Price,
    Promotion,
    Sku,
    SkuList,
    SkuListItem,
    StockItem,
)
from order_factory.models.values.keys import COMPARISON_KEYS, comparison_key
from order_factory.models.values.statuses import Mode
from order_factory.tasks.imports.resources import RESOURCES
from tests.support.import_examples import EVERYTHING, make_plain_order
from tests.tasks.imports.conftest import Rows, write_csv_file, write_json_lines

MODELS = {
    "customers": Customer,
    "addresses": Address,
    "skus": Sku,
    "stock_items": StockItem,
    "prices": Price,
    "bundles": Bundle,
    "bundle_items": BundleItem,
    "sku_lists": SkuList,
    "sku_list_items": SkuListItem,
    "promotions": Promotion,
    "coupons": Coupon,
    "gift_cards": GiftCard,
    "payment_methods": PaymentMethod,
    "payment_sources": PaymentSource,
    "customer_payment_sources": CustomerPaymentSource,
    "orders": Order,
    "line_items": LineItem,
    "line_item_options": LineItemOption,
}
# The ids for natural keys. Each test has one row per resource, with the id 1.
REFERENCES = {
    "stock_items": {"sku_id": 1},
    "prices": {"sku_id": 1},
    "bundle_items": {"bundle_id": 1},
    "sku_list_items": {"sku_list_id": 1},
    "promotions": {"sku_list_id": 1},
    "coupons": {"promotion_id": 1},
    "customer_payment_sources": {
        "customer_id": 1,
        "payment_source_id": 1,
        "payment_method_id": 1,
    },
    "orders": {
        "customer_id": 1,
        "billing_address_id": 1,
        "shipping_address_id": 1,
        "payment_method_id": 1,
        "payment_source_id": 1,
    },
    "line_items": {"order_id": 1},
    "line_item_options": {"line_item_id": 1},
}


TIMES = {"starts_at", "disabled_at", "expires_at", "placed_at", "approved_at", "cancelled_at"}


def with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its ISO 8601 texts as datetimes."""
    return {
        name: datetime.fromisoformat(value) if name in TIMES else value
        for name, value in row.items()
    }


def as_parquet(path: Path, rows: Rows) -> Path:
    """Times become timestamps with a zone, objects structs."""
    pq.write_table(pa.Table.from_pylist([with_times(row) for row in rows]), path)
    return path


@pytest.mark.parametrize(
    ("write", "ending"),
    [
        (write_csv_file, "csv"),
        (write_json_lines, "jsonl"),
        (write_json_lines, "ndjson"),
        (as_parquet, "parquet"),
    ],
)
def test_every_column_of_every_resource_arrives(shop, tmp_path, run_import, write, ending):
    folder = tmp_path / "shop"
    folder.mkdir()
    for resource, row in EVERYTHING.items():
        assert set(row) == set(RESOURCES[resource].columns)
        write(folder / f"{resource}.{ending}", [row])

    imported = run_import(folder)

    assert imported.rejects == []
    assert imported.counts == {f"{resource}.{ending}": (1, 0, 0) for resource in RESOURCES}
    for resource, row in EVERYTHING.items():
        stored = shop.row(MODELS[resource])._asdict()
        given = {name: value for name, value in with_times(row).items() if name in stored}
        expected = given | REFERENCES.get(resource, {})
        assert {name: stored[name] for name in expected} == expected
        own = {"id", "created_at", "updated_at", *COMPARISON_KEYS.get(resource, ())}
        for key, name in COMPARISON_KEYS.get(resource, {}).items():
            assert stored[key] == comparison_key(stored[name])
        others = {name: value for name, value in stored.items() if name not in own | set(expected)}
        allowed = {
            "mode": "live",
            "copied_from_id": None,
            "order_factory_id": None,
            "reserved": 0,
            "archived_at": None,
            "refreshed_at": None,
            "refused_at": None,
            # What the card has paid in another system.
            "other_changes_cents": 1250 - 5000,
            "other_uses": stored.get("usage_count", stored.get("total_usage_count")),
        }
        assert others == {name: allowed[name] for name in others}


def test_an_omitted_value_gets_the_default_of_its_column(shop, write_csv, run_import):
    shop.customer(email="ann@shop.example")
    path = write_csv(
        "orders.csv",
        [
            make_plain_order("1", total_amount_cents=100, customer="ann@shop.example"),
            make_plain_order(
                "2", total_amount_cents=100, tax_included="no", total_tax_amount_cents=22
            ),
        ],
    )

    run_import(path)

    ann, guest = shop.rows(Order)
    assert (ann.guest, ann.customer_email) == (False, "ann@shop.example")
    assert (guest.guest, guest.customer_email) == (True, None)
    assert (ann.total_amount_with_taxes_cents, guest.total_amount_with_taxes_cents) == (100, 122)
    assert (ann.status, ann.payment_status, ann.fulfillment_status) == (
        "draft",
        "unpaid",
        "unfulfilled",
    )
    assert (ann.discount_amount_cents, ann.metadata, ann.reference) == (0, None, None)


def test_rows_of_the_other_mode_are_not_matched(shop, write_csv, run_import):
    shop.customer(email="ann@shop.example", mode="live")
    shop.order(number="1", mode="live", lines=[])
    path = write_csv(
        "orders.csv", [make_plain_order("1"), make_plain_order("2", customer="ann@shop.example")]
    )

    imported = run_import(path, mode=Mode.TEST)

    assert imported.counts == {"orders.csv": (1, 0, 1)}
    assert imported.rejects == [(3, "customer", "is not the email of a customer")]
    assert [row.number for row in shop.rows(Order, mode="test")] == ["1"]


def test_history_is_kept_as_it_was(shop, write_csv, run_import):
    order_id = shop.order(number="1", lines=[])
    rows = [
        {"quantity": quantity, "total_amount_cents": total, "sku_code": "NOT-IN-THE-CATALOGUE"}
        for quantity, total in ((0, 0), (-2, -25_00), (1, 0))
    ]
    path = write_csv(
        "line_items.csv",
        [{"order_number": "1", "reference": str(n), **row} for n, row in enumerate(rows)],
    )

    run_import(path)

    stored = shop.rows(LineItem, order_id=order_id)
    assert [(row.quantity, row.total_amount_cents) for row in stored] == [
        (0, 0),
        (-2, -2500),
        (1, 0),
    ]


def test_json_text_in_json_lines_is_an_object_too(shop, tmp_path, run_import):
    path = write_json_lines(
        tmp_path / "customers.jsonl",
        [{"email": "ann@shop.example", "metadata": json.dumps({"a": 1})}],
    )

    run_import(path)

    assert shop.row(Customer).metadata == {"a": 1}
