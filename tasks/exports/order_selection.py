"""Select the orders of an export by the same filter as the orders of a batch."""

from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, select

from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Order
from order_factory.models.values.durations import parse_duration
from order_factory.tasks.exports.selecting import Condition
from order_factory.tasks.selections.filters import filter_conditions
from order_factory.tasks.working_set.statements import table_of

_orders = table_of(Order)


def select_orders(order_filter: OrderFilter, now: datetime) -> Condition:
    """Return the condition that an order matches the filter at the time `now`.

    The filter names a customer by public id.
    """
    if order_filter.placed_within is not None:
        start = now - parse_duration(order_filter.placed_within)
        later = max(start, order_filter.placed_from or start)
        order_filter = order_filter.model_copy(update={"placed_from": later, "placed_within": None})
    keys = select(_orders.c.id).where(*filter_conditions(order_filter))
    if order_filter.limit is not None:
        keys = keys.order_by(_orders.c.placed_at.asc().nulls_last(), _orders.c.id)
        keys = keys.limit(order_filter.limit)

    def is_selected(rows: FromClause) -> ColumnElement[bool]:
        return rows.c.id.in_(keys.correlate(None))

    return is_selected
