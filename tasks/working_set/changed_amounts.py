"""The amounts of lines and discounts in an order whose quantities differ from its source's.

Templates of subscriptions and copies with changes use these rules, exact to the cent.
"""

from typing import Any, Protocol

from sqlalchemy import ColumnElement, case, func, literal

from order_factory.models.values.statuses import DISCOUNTS, ItemType
from order_factory.tasks.working_set.taxes import split_cents

# Discounts that do not reduce the price of the goods.
_OF_OTHERS = (ItemType.FREE_SHIPPING_PROMOTIONS, ItemType.FREE_GIFT_PROMOTIONS)
SPLIT_DISCOUNTS = tuple(kind for kind in DISCOUNTS if kind not in _OF_OTHERS)


class Columns(Protocol):
    """The columns of a line by name."""

    def __getitem__(self, name: str, /) -> ColumnElement[Any]: ...


def choose_smaller(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    """Return the smaller of two numbers."""
    return case((one < other, one), else_=other)


def changed_total(
    line: Columns, quantity: ColumnElement[int], extras: ColumnElement[int]
) -> ColumnElement[int]:
    """Return the total of a line with another quantity: price times quantity, plus its options.

    `extras` is the price of the options, which does not depend on the quantity. Any other part of
    the total, such as a reduction, is split by quantity. The total is never below zero.
    """
    price = func.coalesce(line["unit_amount_cents"], literal(0))
    other_cents = line["total_amount_cents"] - price * line["quantity"] - extras
    total = price * quantity + extras + split_cents(other_cents, quantity, line["quantity"])
    return case((total > 0, total), else_=0)


def changed_discount(line: Columns, quantity: ColumnElement[int]) -> ColumnElement[Any]:
    """Return the line's discount: fewer pieces get their share, and more pieces get no more."""
    return split_cents(
        line["discount_cents"], choose_smaller(quantity, line["quantity"]), line["quantity"]
    )


def changed_tax(line: Columns, total: ColumnElement[int]) -> ColumnElement[Any]:
    """Return the tax of the line in proportion to its total."""
    former_total = line["total_amount_cents"]
    tax = line["tax_amount_cents"]
    return case((former_total > 0, split_cents(tax, total, former_total)), else_=tax)


def split_discount(
    kind: ColumnElement[str],
    cents: ColumnElement[Any],
    now: ColumnElement[int],
    remaining: ColumnElement[int],
    whole: ColumnElement[int],
) -> ColumnElement[Any]:
    """Return a discount on the goods of an order in cents, after the quantities changed.

    A percentage stays the same percentage. Another discount is split by quantity, and additional
    pieces get no discount. `now` is the value of the goods, `remaining` the former value of the
    pieces that remain, and `whole` the former value of all goods.
    """
    is_percentage = kind == ItemType.PERCENTAGE_DISCOUNT_PROMOTIONS
    return split_cents(cents, case((is_percentage, now), else_=remaining), whole)
