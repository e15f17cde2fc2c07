"""Stock: a shop cannot have less than nothing."""

from typing import Any

from sqlalchemy import Select, select

from models import StockItem
from models.public_ids import Resource
from tasks.inserts import table_of
from tasks.verify.invariants import Invariant

_stock = table_of(StockItem)


def _negative_stock() -> Select[Any]:
    return select(_stock.c.id).where(_stock.c.quantity < 0)


INVARIANTS = (
    Invariant(
        "stock-not-negative",
        "No stock location holds less than zero pieces of a SKU.",
        Resource.stock_items,
        _negative_stock(),
    ),
)
