"""How the amounts of an exported order's header add up: discounts, and whether taxes are included."""

from dataclasses import dataclass
from typing import NamedTuple

from order_factory.models.values.money import format_money


@dataclass(frozen=True)
class HeaderAmounts:
    """The amounts of an order in cents. The discount is zero or above; `subtotal` may be unknown.

    `after_discounts` says which subtotal it is. `adjustments` is the sum of what else the total
    includes, `line_discounts` the sum of the discounts of single lines.
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


class Settled(NamedTuple):
    """What the goods and the shipping are reduced by, and whether the amounts include the taxes."""

    goods_discount: int
    shipping_discount: int
    tax_included: bool


class NotSettled(ValueError):
    """Amounts that do not add up. Arguments: which (`subtotal` or `total`), and the message."""

    @property
    def which(self) -> str:
        return str(self.args[0])

    @property
    def message(self) -> str:
        return str(self.args[1])


def settle(goods: int, header: HeaderAmounts) -> Settled:
    """How the lines and the header's amounts add up to the total, to the cent.

    `goods` is the sum of the lines. Raises `NotSettled` where there is no way.
    """
    for goods_discount in _discounts_of_goods(goods, header):
        rest = header.discount - goods_discount
        sum_of_all = goods - goods_discount + header.shipping + header.adjustments
        for shipping_discount in (0, rest) if 0 < rest <= header.shipping else (0,):
            reduced = sum_of_all - shipping_discount
            for included in (True, False):
                if header.total == reduced + (0 if included else header.tax):
                    return Settled(goods_discount, shipping_discount, included)
    raise NotSettled("total", _explain_total(goods, header))


def _discounts_of_goods(goods: int, header: HeaderAmounts) -> list[int]:
    """What may have been taken off the lines. Their prices may be those after the discounts."""
    subtotal, discount = header.subtotal, header.discount
    if subtotal is None:
        return list(dict.fromkeys((discount, 0)))
    if header.after_discounts:
        taken_off = goods - subtotal
        if not 0 <= taken_off <= discount + header.line_discounts:
            raise NotSettled("subtotal", _explain_subtotal(goods, header))
        return [taken_off]
    if goods == subtotal:
        return [discount]
    if goods == subtotal - discount:
        return [0]
    raise NotSettled("subtotal", _explain_subtotal(goods, header))


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
        f"is {total}, and no sum of {shown} is; complete the order in the file, or export it again"
    )
