"""Checking the rows of converted orders: an order with one wrong row is refused as a whole."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from order_factory.tasks.imports.checking import check_rows
from order_factory.tasks.imports.platforms.conversion import ConvertedOrder, Row
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.row_files.records import Record

# In the order in which they depend on one another. The first and the third are made where they are
# not there, and never changed: many orders have the same ones.
IMPORTED = ("customers", "addresses", "skus", "orders", "line_items")
SHARED = {"customers": "email_key", "skus": "code"}


@dataclass
class CheckedRows:
    """The rows of one resource, each with a number of its own in place of the file's line.

    `orders` has the place of its order in the chunk, and `rows` the row that it was made from.
    """

    values: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[int, int] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)

    def of(self, chosen: Collection[int]) -> list[dict[str, Any]]:
        """The rows of these orders."""
        return [row for row in self.values if self.orders[row["line"]] in chosen]

    def translated(self, reject: Reject) -> Reject:
        """The reject with the line and the column of the file."""
        row = self.rows[reject.line]
        return Reject(row.line, row.column_of(reject.column), reject.reason)


def check_orders(orders: Sequence[ConvertedOrder]) -> dict[str, CheckedRows]:
    """Return the valid rows of each resource. The orders get the problems of the other rows."""
    return {name: _check(name, orders) for name in IMPORTED}


def _check(name: str, orders: Sequence[ConvertedOrder]) -> CheckedRows:
    result = CheckedRows()
    records: list[Record] = []
    for place, order in enumerate(orders):
        for row in order.rows.get(name, []):
            number = len(records) + 1
            records.append(Record(number, row.values))
            result.orders[number], result.rows[number] = place, row
    result.values, rejects = check_rows(name, records)
    for reject in rejects:
        problems, found = orders[result.orders[reject.line]].problems, result.translated(reject)
        if found not in problems:  # a SKU is in its own row and in that of the line
            problems.append(found)
    return result


def first_of_each(rows: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """A row for each key; a SKU ships if it does in one of the orders."""
    kept: dict[Any, dict[str, Any]] = {}
    for row in rows:
        first = kept.setdefault(row[key], row)
        if not row.get("do_not_ship", True):
            first["do_not_ship"] = False
    return list(kept.values())
