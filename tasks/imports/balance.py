"""Finding imported orders whose lines do not add up to the order's total."""

from typing import Any, NamedTuple

from sqlalchemy import Row, Select, case, func, or_, select

from order_factory.models.database.engine import reading
from order_factory.models.tables import LineItem, Order
from order_factory.models.values.money import format_money
from order_factory.models.values.statuses import Mode

_EXAMPLES = 5


class LastKeys(NamedTuple):
    """The greatest keys before an import; the import's own rows have greater keys."""

    order: int
    line: int


def last_keys() -> LastKeys:
    with reading() as db:
        orders = db.scalar(select(func.max(Order.id)))
        lines = db.scalar(select(func.max(LineItem.id)))
    return LastKeys(orders or 0, lines or 0)


class Unbalanced(NamedTuple):
    """The number of imported orders that do not add up, and a sentence for the first of them."""

    orders: int = 0
    examples: tuple[str, ...] = ()


def find_unbalanced_orders(mode: Mode, before: LastKeys) -> Unbalanced:
    """The imported orders whose total differs from the sum of their lines.

    Compared are the total and the total with taxes: they are what a copy is worth, since a copy is
    the sum of its lines.
    """
    unbalanced = _select_unbalanced(mode, before)
    with reading() as db:
        count = db.scalar(select(func.count()).select_from(unbalanced.subquery())) or 0
        found = db.execute(unbalanced.order_by(Order.id).limit(_EXAMPLES)).all()
    return Unbalanced(count, tuple(_describe(row) for row in found))


def _describe(row: Row[Any]) -> str:
    pairs = ((row.lines_total, row.total), (row.lines_with_taxes, row.with_taxes))
    lines, order = next(pair for pair in pairs if pair[0] != pair[1])
    money = [format_money(cents, row.currency_code) for cents in (lines, order)]
    return f"Order {row.number}: the lines add up to {money[0]}, the order to {money[1]}"


def _select_unbalanced(mode: Mode, before: LastKeys) -> Select[Any]:
    new_lines = select(LineItem.order_id).where(LineItem.id > before.line)
    total = func.coalesce(func.sum(LineItem.total_amount_cents), 0)
    tax = func.coalesce(func.sum(LineItem.tax_amount_cents), 0)
    with_taxes = total + case((Order.tax_included, 0), else_=tax)
    return (
        select(
            Order.number,
            Order.currency_code,
            Order.total_amount_cents.label("total"),
            Order.total_amount_with_taxes_cents.label("with_taxes"),
            total.label("lines_total"),
            with_taxes.label("lines_with_taxes"),
        )
        .outerjoin(LineItem, LineItem.order_id == Order.id)
        .where(Order.mode == mode, Order.order_factory_id.is_(None))
        .where(or_(Order.id > before.order, Order.id.in_(new_lines)))
        .group_by(Order.id)
        .having(
            or_(
                total != Order.total_amount_cents,
                with_taxes != Order.total_amount_with_taxes_cents,
            )
        )
    )
