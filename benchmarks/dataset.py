"""The rows of the source shop: the Complete Journey's orders, ready to be loaded with their keys.

One household is one customer with one address, which is the billing and the shipping address of
all its orders, and with one saved card, which paid for all of them.
"""

from pathlib import Path

import pandas as pd

from order_factory.cli.demo.complete_journey import write_complete_journey

Tables = dict[str, pd.DataFrame]
# The reader's last file: once it is there, all are.
_LAST = "skus.parquet"


def _read(folder: Path, resource: str) -> pd.DataFrame:
    """Return the rows of a file with the key `id`, numbered from 1."""
    frame = pd.read_parquet(folder / f"{resource}.parquet", dtype_backend="pyarrow")
    frame.insert(0, "id", range(1, len(frame) + 1))
    return frame


def _keys(values: pd.Series, of: pd.DataFrame, name: str) -> pd.Series:
    """Return the keys of the rows of `of` that these values refer to; int64, none missing."""
    found = pd.Index(of[name]).get_indexer(pd.Index(values))
    if (found < 0).any():
        raise ValueError(f"{name}: {int((found < 0).sum())} values name no row")
    return pd.Series(found + 1, index=values.index, dtype="int64")


def _refer(frame: pd.DataFrame, column: str, to: pd.DataFrame, name: str) -> None:
    """Replace the column, which refers to a row of `to`, with the key `<column>_id`."""
    frame[f"{column}_id"] = _keys(frame.pop(column), to, name)


def read_tables(folder: Path, orders: int | None) -> Tables:
    """One frame per table, parents first, its columns named as in the database.

    The files are written to the folder first unless they are there. `orders` limits them to the
    earliest; the catalogue is always whole. Columns left out keep the database's defaults.
    """
    if not (folder / _LAST).exists():
        write_complete_journey(folder, orders)
    customers, addresses = _read(folder, "customers"), _read(folder, "addresses")
    methods, sources = _read(folder, "payment_methods"), _read(folder, "payment_sources")
    skus, stock = _read(folder, "skus").drop(columns="metadata"), _read(folder, "stock_items")
    wallets = _read(folder, "customer_payment_sources")
    heads, lines = _read(folder, "orders"), _read(folder, "line_items")
    stock["sku_id"] = _keys(stock.pop("sku_code"), skus, "code")
    wallets["customer_id"] = _keys(wallets.pop("customer_email"), customers, "email")
    _refer(wallets, "payment_source", sources, "reference")
    _refer(wallets, "payment_method", methods, "reference")
    heads["customer_email"] = heads["customer"]
    _refer(heads, "customer", customers, "email")
    _refer(heads, "billing_address", addresses, "reference")
    _refer(heads, "shipping_address", addresses, "reference")
    _refer(heads, "payment_method", methods, "reference")
    _refer(heads, "payment_source", sources, "reference")
    lines["order_id"] = _keys(lines.pop("order_number"), heads, "number")
    return {
        "customers": customers,
        "addresses": addresses,
        "skus": skus,
        "stock_items": stock,
        "payment_methods": methods,
        "payment_sources": sources,
        "customer_payment_sources": wallets,
        "orders": heads,
        "line_items": lines,
    }


def judge_orders(tables: Tables) -> pd.DataFrame:
    """Return a row per order: `number`, and `valid` unless a line has no piece or no SKU."""
    lines, orders = tables["line_items"], tables["orders"]
    wrong = (lines["quantity"] < 1) | ~lines["sku_code"].isin(tables["skus"]["code"])
    invalid = lines.loc[wrong, "order_id"].unique()
    return pd.DataFrame({"number": orders["number"], "valid": ~orders["id"].isin(invalid)})
