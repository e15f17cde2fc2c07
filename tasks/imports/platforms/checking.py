"""Check the rows of converted orders: one wrong row refuses the whole order."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from order_factory.tasks.imports.checking import check_rows
from order_factory.tasks.imports.platforms.conversion import ConvertedOrder, Row
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.row_files.records import Record

# Sorted by dependency. Customers and SKUs are shared by orders: they are created if they do not
# exist, and never changed.
IMPORTED = ("customers", "addresses", "skus", "orders", "line_items")
SHARED = {"customers": "email_key", "skus": "code"}


@dataclass
class CheckedRows:
    """The rows of one resource, each with its own number instead of the file's line.

    `orders` maps that number to the order's position in the chunk, and `rows` to the original row.
    """

    values: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[int, int] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)

    def of_orders(self, chosen: Collection[int]) -> list[dict[str, Any]]:
        """Return the rows of these orders."""
        return [row for row in self.values if self.orders[row["line"]] in chosen]

    def in_file(self, reject: Reject) -> Reject:
        """Return the reject with the line and the column of the file."""
        row = self.rows[reject.line]
        return Reject(row.line, row.find_column(reject.column), reject.reason)


def check_orders(orders: Sequence[ConvertedOrder]) -> dict[str, CheckedRows]:
    """Return the valid rows of each resource. The orders get the problems of the other rows."""
    return {name: _check(name, orders) for name in IMPORTED}


def _check(name: str, orders: Sequence[ConvertedOrder]) -> CheckedRows:
    result = CheckedRows()
    records: list[Record] = []
    for position, order in enumerate(orders):
        for row in order.rows.get(name, []):
            number = len(records) + 1
            records.append(Record(number, row.values))
            result.orders[number], result.rows[number] = position, row
    result.values, rejects = check_rows(name, records)
    for reject in rejects:
        problems, problem = orders[result.orders[reject.line]].problems, result.in_file(reject)
        if problem not in problems:  # a SKU has its own row and is also in the row of the line
            problems.append(problem)
    return result


def keep_first_rows(rows: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Return a row for each key. A SKU ships if it ships in one of the orders."""
    rows_by_key: dict[Any, dict[str, Any]] = {}
    for row in rows:
        first = rows_by_key.setdefault(row[key], row)
        if not row.get("do_not_ship", True):
            first["do_not_ship"] = False
    return list(rows_by_key.values())
