"""Find imported orders whose lines do not add up to the order's amounts."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, func, or_, select

from order_factory.models.database.retrying import read
from order_factory.models.tables import LineItem, Order
from order_factory.models.values.money import format_money
from order_factory.models.values.statuses import Mode
from order_factory.tasks.working_set.order_amounts import AMOUNTS
from order_factory.tasks.working_set.order_totals import select_differing_orders
from order_factory.tasks.working_set.statements import table_of

_order = table_of(Order)
_EXAMPLES = 5


class LastKeys(NamedTuple):
    """The greatest keys before an import; the import's own rows have greater keys."""

    order: int
    line: int


def last_keys() -> LastKeys:
    def find(db: Connection) -> LastKeys:
        orders = db.scalar(select(func.max(Order.id)))
        lines = db.scalar(select(func.max(LineItem.id)))
        return LastKeys(orders or 0, lines or 0)

    return read(find)


class Unbalanced(NamedTuple):
    """The number of imported orders that do not add up, and a sentence for the first of them."""

    orders: int = 0
    examples: tuple[str, ...] = ()


def find_unbalanced_orders(mode: Mode, before: LastKeys) -> Unbalanced:
    """Find the imported orders whose amounts differ from the sums of their lines.

    Copies of these orders would fail, because the check compares the same amounts.
    """
    unbalanced = _select_unbalanced(mode, before)

    def find(db: Connection) -> Unbalanced:
        count = db.scalar(select(func.count()).select_from(unbalanced.subquery())) or 0
        rows = db.execute(unbalanced.order_by(_order.c.id).limit(_EXAMPLES)).all()
        return Unbalanced(count, tuple(_describe(row._mapping) for row in rows))

    return read(find)


def _describe(row: RowMapping) -> str:
    """Describe the first amount that differs. An amount of 0, except the total, may be unknown."""
    name = next(
        each
        for each in ("total_amount_cents", *AMOUNTS)
        if row[each] != row[f"lines_{each}"] and (row[each] or each == "total_amount_cents")
    )
    lines, order = (
        format_money(row[each], row["currency_code"]) for each in (f"lines_{name}", name)
    )
    return f"Order {row['number']}, {name}: the lines add up to {lines}, the order says {order}"


def _select_unbalanced(mode: Mode, before: LastKeys) -> Select[Any]:
    new_lines = select(LineItem.order_id).where(LineItem.id > before.line)
    amounts = (_order.c[name] for name in AMOUNTS)
    return select_differing_orders(_order.c.number, _order.c.currency_code, *amounts).where(
        _order.c.mode == mode,
        _order.c.order_factory_id.is_(None),
        or_(_order.c.id > before.order, _order.c.id.in_(new_lines)),
    )
