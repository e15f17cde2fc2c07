"""A page of orders."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import next_steps, table
from order_factory.models.values.money import format_money


def describe_orders(
    orders: Sequence[Mapping[str, Any]], total: int, page: int, limit: int
) -> list[RenderableType]:
    """A row per order, and which part of all of them this is."""
    if not total:
        return [Text("There are no such orders."), next_steps(["import", "PATH"])]
    if not orders:
        return [Text(f"There is no page {page:,}: {total:,} orders make {-(-total // limit):,}.")]
    columns = ("number", "id", "status", "#lines", "#total", "placed", "copy of")
    rows = [
        (
            order["number"],
            order["id"],
            order["status"],
            order["lines"],
            format_money(order["total_amount_cents"], order["currency_code"]),
            order["placed_at"],
            order["copy_of"],
        )
        for order in orders
    ]
    first = (page - 1) * limit + 1
    last = first + len(orders) - 1
    message = f"Orders {first:,} to {last:,} of {total:,}, the newest first."
    more = f" --page {page + 1} shows the next." if last < total else ""
    return [table(columns, rows), Text(message + more)]
