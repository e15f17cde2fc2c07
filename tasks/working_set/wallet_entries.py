"""The wallet entry of the payment source that an order is paid with."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func

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
    for alias, source_id in ((saved, paid_with.c.id), (original, paid_with.c.copied_from_id)):
        of_customer = alias.c.customer_id == customer_id
        rows = rows.outerjoin(alias, and_(alias.c.payment_source_id == source_id, of_customer))
    return rows, func.coalesce(original.c.payment_source_id, saved.c.payment_source_id)
