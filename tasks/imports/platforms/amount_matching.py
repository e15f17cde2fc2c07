"""Find out how the amounts of an exported order add up: discounts, and included taxes."""

from dataclasses import dataclass
from typing import NamedTuple

from order_factory.models.values.money import format_money


@dataclass(frozen=True)
class HeaderAmounts:
    """The amounts of an order in cents. The discount is zero or above; `subtotal` may be unknown.

    `after_discounts` says whether the subtotal includes the discounts. `adjustments` is the sum of
    all other parts of the total, and `line_discounts` the sum of the lines' discounts.
    """

    currency_code: str
    total: int
    tax: int
    subtotal: int | None
    after_discounts: bool
    shipping: int
    discount: int
    adjustments: int
    line_discounts: int


class Discounts(NamedTuple):
    """The discounts on the goods and on the shipping, and whether the amounts include the taxes."""

    goods_discount: int
    shipping_discount: int
    tax_included: bool


class AmountsDiffer(ValueError):
    """The amounts do not add up. Arguments: `subtotal` or `total`, and the message."""

    @property
    def which(self) -> str:
        return str(self.args[0])

    @property
    def message(self) -> str:
        return str(self.args[1])


def match_amounts(goods: int, header: HeaderAmounts) -> Discounts:
    """Return the discounts with which the amounts add up to the total, exact to the cent.

    `goods` is the sum of the lines. Raises `AmountsDiffer` if there are none.
    """
    for goods_discount in _discounts_of_goods(goods, header):
        remaining_discount = header.discount - goods_discount
        sum_of_parts = goods - goods_discount + header.shipping + header.adjustments
        for shipping_discount in (
            (0, remaining_discount) if 0 < remaining_discount <= header.shipping else (0,)
        ):
            amount = sum_of_parts - shipping_discount
            for included in (True, False):
                if header.total == amount + (0 if included else header.tax):
                    return Discounts(goods_discount, shipping_discount, included)
    raise AmountsDiffer("total", _explain_total(goods, header))


def _discounts_of_goods(goods: int, header: HeaderAmounts) -> list[int]:
    """Return the possible discounts on the goods. The lines may already include them."""
    subtotal, discount = header.subtotal, header.discount
    if subtotal is None:
        return list(dict.fromkeys((discount, 0)))
    if header.after_discounts:
        discount_on_goods = goods - subtotal
        if not 0 <= discount_on_goods <= discount + header.line_discounts:
            raise AmountsDiffer("subtotal", _explain_subtotal(goods, header))
        return [discount_on_goods]
    if goods == subtotal:
        return [discount]
    if goods == subtotal - discount:
        return [0]
    raise AmountsDiffer("subtotal", _explain_subtotal(goods, header))


def _explain_subtotal(goods: int, header: HeaderAmounts) -> str:
    lines, subtotal, discount = (
        format_money(cents, header.currency_code)
        for cents in (goods, header.subtotal or 0, header.discount)
    )
    return (
        f"is {subtotal}, and the lines add up to {lines} before a discount of {discount}; "
        "complete the order's lines in the file, or export it again"
    )


def _explain_total(goods: int, header: HeaderAmounts) -> str:
    amounts = {
        "lines": goods,
        "discount": -header.discount,
        "shipping": header.shipping,
        "others": header.adjustments,
        "taxes": header.tax,
    }
    shown = ", ".join(
        f"{name} {format_money(cents, header.currency_code)}"
        for name, cents in amounts.items()
        if cents or name == "lines"
    )
    total = format_money(header.total, header.currency_code)
    return (
        f"is {total}, and {shown} do not add up to it; complete the order in the file, or name the "
        "column of the missing amount under adjustments or payments in a mapping of your own"
    )
