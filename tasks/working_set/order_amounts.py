"""The amounts of an order: which lines belong to each of them, and how they make up the total.

All code uses this declaration. Amounts are in cents of the order's currency.
"""

from functools import reduce
from operator import add
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, case, not_

from order_factory.models.tables import LineItem
from order_factory.models.values.statuses import DISCOUNTS, PURCHASABLE, ItemType
from order_factory.tasks.working_set.statements import table_of


class Columns(Protocol):
    """The columns of a table or a subquery by name, or a dictionary of expressions."""

    def __getitem__(self, name: str, /) -> ColumnElement[Any]: ...


_line = table_of(LineItem)
_kind = _line.c.item_type

# A gift card that pays for the order. A gift card that the customer buys has a positive amount.
IS_REDEMPTION = and_(_kind == ItemType.GIFT_CARDS, _line.c.total_amount_cents < 0)
IS_BOUGHT = and_(_kind.in_(PURCHASABLE), not_(IS_REDEMPTION))

# The parts of the total, each with its lines. Every line belongs to one part.
LINES_OF_PARTS: dict[str, ColumnElement[bool]] = {
    "subtotal_amount_cents": IS_BOUGHT,
    "shipping_amount_cents": _kind == ItemType.SHIPMENTS,
    "payment_method_amount_cents": _kind == ItemType.PAYMENT_METHODS,
    "discount_amount_cents": _kind.in_(DISCOUNTS),
    "adjustment_amount_cents": _kind == ItemType.ADJUSTMENTS,
    "gift_card_amount_cents": IS_REDEMPTION,
}
# Positive amounts that reduce the total.
SUBTRACTED = ("gift_card_amount_cents",)
AMOUNTS = (
    *LINES_OF_PARTS,
    "total_tax_amount_cents",
    "total_amount_cents",
    "total_amount_with_taxes_cents",
)
# The amounts that are sums of lines. The discount and the total with taxes result from them.
SUMS = tuple(
    name
    for name in AMOUNTS
    if name not in ("discount_amount_cents", "total_amount_with_taxes_cents")
)


def calculate_part(name: str) -> ColumnElement[int]:
    """Return the cents that a line adds to this part of its order's total."""
    return -_line.c.total_amount_cents if name in SUBTRACTED else _line.c.total_amount_cents


def add_up_parts(columns: Columns, *names: str) -> ColumnElement[int]:
    """Return the sum of these parts of the total, each with its sign; `of` are columns by name."""
    return reduce(add, (-columns[name] if name in SUBTRACTED else columns[name] for name in names))


def calculate_discount(sums: Columns) -> ColumnElement[int]:
    """Return the discount: the total without all other parts (`SUMS`)."""
    others = [name for name in LINES_OF_PARTS if name != "discount_amount_cents"]
    return sums["total_amount_cents"] - add_up_parts(sums, *others)


def calculate_total_with_taxes(
    sums: Columns, tax_included: ColumnElement[Any]
) -> ColumnElement[int]:
    """Return the total plus the taxes that it does not include."""
    return sums["total_amount_cents"] + case(
        (tax_included, 0), else_=sums["total_tax_amount_cents"]
    )
