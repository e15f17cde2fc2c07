"""The numbers of orders that are placed here: unique within the mode, and drawn from nowhere.

A number is made of the order's key, so that a batch gets its numbers without a counter that all
would wait for. Keys of orders that are never placed leave gaps.
"""

from sqlalchemy import ColumnElement, String, Table, case, cast, exists, literal

from order_factory.models.tables import Order
from order_factory.tasks.working_set.statements import table_of

# Keeps these numbers apart from the shop's own.
PREFIX = "OF"


def number_of(order: Table) -> ColumnElement[str]:
    """The number that this order gets; a longer one where the shop has given that number away."""
    other = table_of(Order).alias("numbered")
    number = literal(PREFIX) + cast(order.c.id, String)
    given_away = exists().where(other.c.mode == order.c.mode, other.c.number == number)
    return case((given_away, number + "-" + cast(order.c.order_factory_id, String)), else_=number)
