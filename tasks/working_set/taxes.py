"""The tax of a line, and shares of amounts, exact to the cent."""

from typing import Any

from sqlalchemy import ColumnElement, case, null

from order_factory.models.database.dialects import millionths, mul_div, mul_mod


def tax_cents(
    net_cents: ColumnElement[int], rate: ColumnElement[float], included: ColumnElement[bool]
) -> ColumnElement[int]:
    """Return the tax on an amount in cents, with half a cent rounded up; 0 for negative amounts.

    `rate` is 0.22 for 22 percent, with at most six decimals. `included` says whether the amount
    includes the tax.
    """
    parts = millionths(rate)
    whole = case((included, 1_000_000 + parts), else_=1_000_000)
    return case((net_cents <= 0, 0), else_=(2 * net_cents * parts + whole) // (2 * whole))


def split_cents(
    cents: ColumnElement[Any], part: ColumnElement[int], whole: ColumnElement[int]
) -> ColumnElement[Any]:
    """Return the amount times `part` / `whole`; null if there is not an amount.

    Half a cent is rounded away from zero.
    """
    size = case((cents < 0, -cents), else_=cents)
    one_more = case((2 * mul_mod(size, part, whole) >= whole, 1), else_=0)
    share = mul_div(size, part, whole) + one_more
    return case((cents.is_(None), null()), (cents < 0, -share), else_=share)
