"""The orders that a request is to change, and the problems that prevent the change.

Both are temporary tables, so one order and thousands of orders use the same statements.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    String,
    exists,
    insert,
    literal,
    not_,
    select,
)

from order_factory.models.database.dialects import analyze_table, fill
from order_factory.models.database.row_locks import lock_rows
from order_factory.models.database.temporary_tables import open_tables
from order_factory.models.tables import Order
from order_factory.models.tables.base import BigId
from order_factory.models.values.order_states import transition_message
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.working_set.statements import execute_and_count, insert_counted, table_of
from order_factory.tasks.working_set.tables import temporary

_METADATA = MetaData()
_order = table_of(Order)

# `amount_cents` is how much to refund; null means all. `name` identifies the request: a request
# that is repeated, for example after a lost connection, refunds nothing more.
requested_orders = temporary(
    _METADATA,
    "tmp_requested_orders",
    Column("order_id", BigId, primary_key=True, autoincrement=False),
    Column("amount_cents", BigInteger),
    Column("name", String),
)

# Why a request is refused for an order: the attribute and a message for people.
order_problems = temporary(
    _METADATA,
    "tmp_order_problems",
    Column("order_id", BigInteger, nullable=False),
    Column("field", String, nullable=False),
    Column("message", String, nullable=False),
)

IS_REQUESTED = requested_orders.c.order_id == _order.c.id


class OrderProblem(NamedTuple):
    """Why a request is refused for one order: its id, the attribute and a message for people."""

    order_id: int
    field: str
    message: str


def ask(
    db: Connection,
    orders: Sequence[int],
    amount_cents: int | None = None,
    name: str | None = None,
) -> None:
    """Fill the empty temporary tables with these orders, and lock the orders."""
    open_tables(db, _METADATA)
    each = {"amount_cents": amount_cents, "name": name}
    columns = {column: [value] * len(orders) for column, value in each.items()}
    fill(db, requested_orders, {"order_id": list(orders), **columns})
    analyze_table(db, requested_orders)
    lock_rows(db, _order, select(requested_orders.c.order_id))


def is_refused() -> ColumnElement[bool]:
    """Return whether a problem was recorded for the order."""
    is_refused = exists().where(order_problems.c.order_id == _order.c.id)
    return is_refused.correlate_except(order_problems)


def refuse(
    db: Connection, field: str, message: str | ColumnElement[str], *where: ColumnElement[bool]
) -> int:
    """Record a problem for each requested order that meets the conditions and has none.

    Returns the number of problems.
    """
    words = literal(message) if isinstance(message, str) else message
    rows = select(_order.c.id, literal(field), words).join(requested_orders, IS_REQUESTED)
    rows = rows.where(not_(is_refused()), *where)
    return execute_and_count(
        db, insert_counted(order_problems, ["order_id", "field", "message"], rows)
    )


def refuse_transition(db: Connection, status: OrderStatus, *where: ColumnElement[bool]) -> int:
    """Record that the orders cannot change from their status to this one."""
    return refuse(db, "status", transition_message(_order.c.status, status), *where)


def drop_orders(db: Connection, *where: ColumnElement[bool]) -> None:
    """Remove the orders that meet the conditions, because their change is already done."""
    done = select(_order.c.id).join(requested_orders, IS_REQUESTED).where(*where)
    db.execute(requested_orders.delete().where(requested_orders.c.order_id.in_(done)))


def accepted_orders() -> Select[tuple[int]]:
    """Select the requested orders without a problem."""
    return select(_order.c.id).join(requested_orders, IS_REQUESTED).where(not_(is_refused()))


def record_problems(db: Connection, rows: Select[tuple[int, str, str]]) -> None:
    """Record these problems: order, field, message."""
    db.execute(insert(order_problems).from_select(["order_id", "field", "message"], rows))


def read_problems(db: Connection) -> list[OrderProblem]:
    """Return the problems, sorted by order and then as they were recorded."""
    rows = select(order_problems).order_by(order_problems.c.order_id)
    return [OrderProblem(*row) for row in db.execute(rows)]
