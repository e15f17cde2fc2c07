"""The orders of a requested change, and what prevents it.

Temporary tables, as those of a batch: for one order and for thousands alike.
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

# `amount_cents`: how much to refund; null for all of it. `name`: the request, so that the same one
# that comes again, such as after a lost connection, refunds nothing more.
asked_orders = temporary(
    _METADATA,
    "tmp_asked_orders",
    Column("order_id", BigId, primary_key=True, autoincrement=False),
    Column("amount_cents", BigInteger),
    Column("name", String),
)

# Why an order is refused what is asked of it: the attribute at fault, and words for a person.
order_problems = temporary(
    _METADATA,
    "tmp_order_problems",
    Column("order_id", BigInteger, nullable=False),
    Column("field", String, nullable=False),
    Column("message", String, nullable=False),
)

IS_ASKED = asked_orders.c.order_id == _order.c.id


class OrderProblem(NamedTuple):
    """Why one order is refused: its key, the attribute at fault, and words for a person."""

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
    same = {column: [value] * len(orders) for column, value in each.items()}
    fill(db, asked_orders, {"order_id": list(orders), **same})
    analyze_table(db, asked_orders)
    lock_rows(db, _order, select(asked_orders.c.order_id))


def is_refused() -> ColumnElement[bool]:
    """Whether a problem was recorded for the order."""
    found = exists().where(order_problems.c.order_id == _order.c.id)
    return found.correlate_except(order_problems)


def refuse(
    db: Connection, field: str, message: str | ColumnElement[str], *where: ColumnElement[bool]
) -> int:
    """Record a problem for each asked order that meets the conditions and has none; how many."""
    words = literal(message) if isinstance(message, str) else message
    rows = select(_order.c.id, literal(field), words).join(asked_orders, IS_ASKED)
    rows = rows.where(not_(is_refused()), *where)
    return execute_and_count(
        db, insert_counted(order_problems, ["order_id", "field", "message"], rows)
    )


def refuse_transition(db: Connection, status: OrderStatus, *where: ColumnElement[bool]) -> int:
    """Record that the orders cannot get this status from the one that they have."""
    return refuse(db, "status", transition_message(_order.c.status, status), *where)


def forget(db: Connection, *where: ColumnElement[bool]) -> None:
    """Ask no more of the orders that meet the conditions: what is asked was done before."""
    done = select(_order.c.id).join(asked_orders, IS_ASKED).where(*where)
    db.execute(asked_orders.delete().where(asked_orders.c.order_id.in_(done)))


def agreed_orders() -> Select[tuple[int]]:
    """Select the asked orders that are not refused."""
    return select(_order.c.id).join(asked_orders, IS_ASKED).where(not_(is_refused()))


def note_problems(db: Connection, rows: Select[tuple[int, str, str]]) -> None:
    """Record these problems: order, field, message."""
    db.execute(insert(order_problems).from_select(["order_id", "field", "message"], rows))


def read_problems(db: Connection) -> list[OrderProblem]:
    """The problems, by order, in the order in which they were found."""
    rows = select(order_problems).order_by(order_problems.c.order_id)
    return [OrderProblem(*row) for row in db.execute(rows)]
