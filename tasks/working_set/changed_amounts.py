"""What lines and discounts come to where an order gets other pieces than the one it is made from.

The templates of subscriptions and copies with changes work it out by these rules, to the cent.
"""

from typing import Any, Protocol

from sqlalchemy import ColumnElement, case, func, literal

from order_factory.models.values.statuses import DISCOUNTS, ItemType
from order_factory.tasks.working_set.taxes import split_cents

# Discounts of something else than the goods: what was shipped, or given in addition.
_OF_OTHERS = (ItemType.FREE_SHIPPING_PROMOTIONS, ItemType.FREE_GIFT_PROMOTIONS)
SPLIT_DISCOUNTS = tuple(kind for kind in DISCOUNTS if kind not in _OF_OTHERS)


class Columns(Protocol):
    """The columns of a line by name."""

    def __getitem__(self, name: str, /) -> ColumnElement[Any]: ...


def fewer_of(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    """The smaller of two numbers."""
    return case((one < other, one), else_=other)


def changed_total(
    line: Columns, quantity: ColumnElement[int], extras: ColumnElement[int]
) -> ColumnElement[int]:
    """The total of a line with another quantity: price times quantity, and its options as they are.

    `extras` is what the options cost; they do not follow the quantity. What the line costs beside
    both, such as a reduction, is split by quantity; the total is never below zero.
    """
    price = func.coalesce(line["unit_amount_cents"], literal(0))
    beside = line["total_amount_cents"] - price * line["quantity"] - extras
    total = price * quantity + extras + split_cents(beside, quantity, line["quantity"])
    return case((total > 0, total), else_=0)


def changed_discount(line: Columns, quantity: ColumnElement[int]) -> ColumnElement[Any]:
    """The line's share of discounts by quantity: fewer pieces get their part, more get no more."""
    return split_cents(
        line["discount_cents"], fewer_of(quantity, line["quantity"]), line["quantity"]
    )


def changed_tax(line: Columns, total: ColumnElement[int]) -> ColumnElement[Any]:
    """The tax of the line in the proportion of the totals."""
    had = line["total_amount_cents"]
    tax = line["tax_amount_cents"]
    return case((had > 0, split_cents(tax, total, had)), else_=tax)


def split_discount(
    kind: ColumnElement[str],
    cents: ColumnElement[Any],
    now: ColumnElement[int],
    kept: ColumnElement[int],
    whole: ColumnElement[int],
) -> ColumnElement[Any]:
    """What a discount of an order's goods comes to, in cents.

    A percentage stays that percentage of the goods. Another discount is split by quantity: goods get
    what fell to their pieces, and more pieces get no more. `now` is what the goods cost, `kept` what
    their pieces cost before, `whole` what all goods cost before.
    """
    is_percentage = kind == ItemType.PERCENTAGE_DISCOUNT_PROMOTIONS
    return split_cents(cents, case((is_percentage, now), else_=kept), whole)
