"""The orders of an export by the filter that selects the orders of a batch."""

from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, select

from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Order
from order_factory.models.values.durations import parse_duration
from order_factory.tasks.exports.selecting import Condition
from order_factory.tasks.selections.filters import filter_conditions
from order_factory.tasks.working_set.statements import table_of

_orders = table_of(Order)


def select_orders(wanted: OrderFilter, now: datetime) -> Condition:
    """Whether an order fits the filter at this moment; its customer is a public id."""
    if wanted.placed_within is not None:
        start = now - parse_duration(wanted.placed_within)
        later = max(start, wanted.placed_from or start)
        wanted = wanted.model_copy(update={"placed_from": later, "placed_within": None})
    keys = select(_orders.c.id).where(*filter_conditions(wanted))
    if wanted.limit is not None:
        keys = keys.order_by(_orders.c.placed_at.asc().nulls_last(), _orders.c.id)
        keys = keys.limit(wanted.limit)

    def fits(rows: FromClause) -> ColumnElement[bool]:
        return rows.c.id.in_(keys.correlate(None))

    return fits
