"""The wallet entry of the payment source that an order is paid with."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, func, select

from order_factory.models.tables import CustomerPaymentSource
from order_factory.tasks.working_set.statements import table_of


def join_wallet_entry(
    rows: FromClause, paid_with: FromClause, customer_id: ColumnElement[Any]
) -> tuple[FromClause, ColumnElement[int]]:
    """Join the entry in the customer's wallet. Returns the rows and the saved payment source's id.

    `paid_with` is the order's payment source. If it is a copy of a saved one, that one is returned.
    The id is null if the customer has not saved either.
    """
    entry = table_of(CustomerPaymentSource)
    saved, original = entry.alias("saved"), entry.alias("original")
    is_saved = and_(saved.c.payment_source_id == paid_with.c.id, saved.c.customer_id == customer_id)
    rows = rows.outerjoin(saved, is_saved)
    of_original = select(original.c.payment_source_id).where(
        original.c.payment_source_id == paid_with.c.copied_from_id,
        original.c.customer_id == customer_id,
    )
    # Few payment sources are copies. The others need no second lookup.
    is_copy = paid_with.c.copied_from_id.is_not(None)
    wallet = case((is_copy, of_original.correlate_except(original).scalar_subquery()))
    return rows, func.coalesce(wallet, saved.c.payment_source_id)
