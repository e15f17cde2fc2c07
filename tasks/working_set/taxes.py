"""The tax of a line, to the cent."""

from sqlalchemy import ColumnElement, case

from order_factory.models.database.dialects import millionths


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
