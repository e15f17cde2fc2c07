"""A page of orders, and one order in detail."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from order_factory.cli.tables import describe_page, facts, next_steps, table
from order_factory.models.values.money import format_money


def describe_orders(
    orders: Sequence[Mapping[str, Any]], total: int, page: int, limit: int
) -> list[RenderableType]:
    """A row per order, and the position of this page."""
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
    parts = describe_page("orders", columns, rows, total, page, limit)
    return parts if total else [*parts, next_steps(["import", "PATH"])]


def describe_order(order: Mapping[str, Any]) -> list[RenderableType]:
    """The attributes of one order, its line items, and its copies."""
    currency = order["currency_code"]
    attributes = [
        ("id", order["id"]),
        ("status", order["status"]),
        ("mode", order["mode"]),
        ("total", format_money(order["total_amount_cents"], currency)),
        ("placed", order["placed_at"]),
        ("recorded", order["created_at"]),
        ("copy of", order["copy_of"]),
    ]
    lines = [
        (
            line["item_type"],
            line["sku_code"],
            line["name"],
            line["quantity"],
            _format_amount(line["unit_amount_cents"], currency),
            format_money(line["total_amount_cents"], currency),
        )
        for line in order["line_items"]
    ]
    columns = ("type", "SKU", "name", "#quantity", "#each", "#total")
    parts: list[RenderableType] = [
        facts(attributes, title=f"Order {order['number'] or order['id']}"),
        table(columns, lines, title="Line items"),
    ]
    if order["copies"]:
        rows = [
            (each["id"], each["status"], each["target_order"], each["errors_count"])
            for each in order["copies"]
        ]
        names = ("order factory", "status", "copy", "#errors")
        parts.append(table(names, rows, title="Copies, newest first"))
    return parts


def _format_amount(cents: int | None, currency: str) -> str | None:
    return None if cents is None else format_money(cents, currency)
