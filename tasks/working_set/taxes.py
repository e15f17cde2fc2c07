"""The tax of a line, and parts of amounts, to the cent."""

from typing import Any

from sqlalchemy import ColumnElement, case, null

from order_factory.models.database.dialects import millionths, mul_div, mul_mod


def tax_cents(
    net_cents: ColumnElement[int], rate: ColumnElement[float], included: ColumnElement[bool]
) -> ColumnElement[int]:
    """The tax on an amount, in cents, half a cent rounded up; none on an amount below zero.

    `rate` is 0.22 for 22 percent, and counts to the millionth. `included` says whether the amount
    includes the tax or the tax comes on top.
    """
    parts = millionths(rate)
    whole = case((included, 1_000_000 + parts), else_=1_000_000)
    return case((net_cents <= 0, 0), else_=(2 * net_cents * parts + whole) // (2 * whole))


def split_cents(
    cents: ColumnElement[Any], part: ColumnElement[int], whole: ColumnElement[int]
) -> ColumnElement[Any]:
    """The part of an amount that belongs to a part of its whole; null if there is no amount.

    Half a cent is rounded away from zero, and the whole amount belongs to the whole.
    """
    size = case((cents < 0, -cents), else_=cents)
    one_more = case((2 * mul_mod(size, part, whole) >= whole, 1), else_=0)
    share = mul_div(size, part, whole) + one_more
    return case((cents.is_(None), null()), (cents < 0, -share), else_=share)
